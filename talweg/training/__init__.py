"""Training: the loop, its metrics, progress, history and report."""

from .economy import PRECISIONS, in_precision, recomputing, sequences
from .environment import environment
from .events import EpochRecord, Listener
from .history import History, read_history
from .loop import FitResult, Score, evaluate, fit, train_epoch
from .metrics import ClassScore, class_scores, confusion_matrix, count_errors, error_rate, softmax
from .progress import progress_for
from .report import Findings, page, write_report
from .schedules import SCHEDULES, constant, cosine, linear, warmed_up
from .summary import LayerRow, parameter_count, summarise

__all__ = [
    "PRECISIONS",
    "SCHEDULES",
    "ClassScore",
    "EpochRecord",
    "Findings",
    "FitResult",
    "History",
    "LayerRow",
    "Listener",
    "Score",
    "class_scores",
    "confusion_matrix",
    "constant",
    "cosine",
    "count_errors",
    "environment",
    "error_rate",
    "evaluate",
    "fit",
    "in_precision",
    "linear",
    "page",
    "parameter_count",
    "progress_for",
    "read_history",
    "recomputing",
    "sequences",
    "softmax",
    "summarise",
    "train_epoch",
    "warmed_up",
    "write_report",
]
