"""torch.jit.annotations: types that scripted functions are written with."""

from typing import Any, Dict, List, Optional, Tuple  # noqa: F401, UP035

from .jit import Final as Final
from .jit import export as export
from .jit import ignore as ignore


class _Broadcasting:
    """BroadcastingList2[int]: one number or two, as an annotation."""

    def __class_getitem__(cls, kind: Any) -> type:
        return list[kind]  # type: ignore[return-value]


BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = _Broadcasting
