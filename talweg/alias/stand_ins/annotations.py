"""torch.jit.annotations: types that scripted functions are written with."""

from typing import Any
from typing import Dict as Dict
from typing import List as List
from typing import Optional as Optional
from typing import Tuple as Tuple

from .jit import Final as Final
from .jit import export as export
from .jit import ignore as ignore


class _Broadcasting:
    """BroadcastingList2[int]: one number or two, as an annotation."""

    def __class_getitem__(cls, kind: Any) -> type:
        return list[kind]  # type: ignore[return-value]


BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = _Broadcasting
