"""Pictures with what is drawn on them: boxes of objects, masks of classes (L 6.3, 6.4)."""

from .annotated_set import AnnotatedSet, scene_set
from .listing import Listed, Listing
from .read import read_boxed, read_masked

__all__ = ["AnnotatedSet", "Listed", "Listing", "read_boxed", "read_masked", "scene_set"]
