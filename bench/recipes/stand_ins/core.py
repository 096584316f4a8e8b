"""talweg.core: its dtypes are torch's."""

import torch as dtypes

__all__ = ["dtypes"]
