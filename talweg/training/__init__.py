"""Training: the loop, its metrics, progress, history and report."""

from .economy import PRECISIONS, in_precision, recomputing, sequences
from .environment import environment
from .events import EpochRecord, Listener
from .history import History, read_history
from .loop import FitResult, evaluate, fit
from .metrics import ClassScore, class_scores, confusion_matrix, count_errors, error_rate, softmax
from .progress import progress_for
from .report import Findings, page, write_report
from .schedules import SCHEDULES, Plateau, constant, cosine, linear, one_cycle, step, warmed_up
from .state import Score, TrainingState
from .summary import LayerRow, parameter_count, summarise
from .update import ON_NAN, samples, tokens

__all__ = [
    "ON_NAN",
    "PRECISIONS",
    "SCHEDULES",
    "ClassScore",
    "EpochRecord",
    "Findings",
    "FitResult",
    "History",
    "LayerRow",
    "Listener",
    "Plateau",
    "Score",
    "TrainingState",
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
    "one_cycle",
    "page",
    "parameter_count",
    "progress_for",
    "read_history",
    "recomputing",
    "samples",
    "sequences",
    "softmax",
    "step",
    "summarise",
    "tokens",
    "warmed_up",
    "write_report",
]
