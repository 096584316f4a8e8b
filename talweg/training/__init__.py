"""Training: the loop, its metrics, progress, history and report."""

from .diagnosis import Symptom, diagnose, over_fitting
from .economy import PRECISIONS, in_precision, recomputing, sequences
from .environment import environment
from .events import LOSS, EpochRecord, Figure, Listener
from .history import History, read_history
from .lora import LowRank, adapt, merge
from .loop import FitResult, evaluate, fit
from .metrics import (
    ClassScore,
    area_under_curve,
    average_ranked_precision,
    class_scores,
    confusion_matrix,
    count_errors,
    error_rate,
    softmax,
    telling_ks,
    top_k_accuracy,
)
from .parts import freeze, parameter_groups
from .probe import Probe, probe
from .progress import progress_for
from .rate_finder import RateCurve, find_rate
from .report import Findings, keep_section, page, write_report
from .report_classes import ClassFindings
from .schedules import SCHEDULES, Plateau, constant, cosine, linear, one_cycle, step, warmed_up
from .state import Score, TrainingState
from .summary import LayerRow, parameter_count, summarise
from .update import ON_NAN, samples, tokens
from .watching import LayerNorms, TensorBoard, read_norms

__all__ = [
    "LOSS",
    "ON_NAN",
    "PRECISIONS",
    "SCHEDULES",
    "ClassFindings",
    "ClassScore",
    "EpochRecord",
    "Figure",
    "Findings",
    "FitResult",
    "History",
    "LayerNorms",
    "LayerRow",
    "Listener",
    "LowRank",
    "Plateau",
    "Probe",
    "RateCurve",
    "Score",
    "Symptom",
    "TensorBoard",
    "TrainingState",
    "adapt",
    "area_under_curve",
    "average_ranked_precision",
    "class_scores",
    "confusion_matrix",
    "constant",
    "cosine",
    "count_errors",
    "diagnose",
    "environment",
    "error_rate",
    "evaluate",
    "find_rate",
    "fit",
    "freeze",
    "in_precision",
    "keep_section",
    "linear",
    "merge",
    "one_cycle",
    "over_fitting",
    "page",
    "parameter_count",
    "parameter_groups",
    "probe",
    "progress_for",
    "read_history",
    "read_norms",
    "recomputing",
    "samples",
    "sequences",
    "softmax",
    "step",
    "summarise",
    "telling_ks",
    "tokens",
    "top_k_accuracy",
    "warmed_up",
    "write_report",
]
