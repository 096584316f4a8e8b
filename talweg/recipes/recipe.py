"""A recipe: a task from data to use. Each says what it is made of; how a training goes is the same for all and is here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from .. import nn
from ..data import short_name
from ..io import load_model, read_training, save_best, write_settings
from ..tensor import Tensor, manual_seed
from ..training import (
    LOSS,
    EpochRecord,
    Figure,
    Findings,
    FitResult,
    History,
    LayerNorms,
    LayerRow,
    Listener,
    Symptom,
    TensorBoard,
    TrainingState,
    adapt,
    diagnose,
    environment,
    fit,
    over_fitting,
    read_history,
    read_norms,
    summarise,
    write_report,
)
from ..training.update import CompiledUpdate
from .checkpoints import Checkpoints
from .evaluation import Answer, Evaluation, Outcome
from .published import Weights
from .robustness import Suite
from .runs import config_of, new_run
from .settings import changed, from_mapping
from .task import Goal, Task, average_of, make_ready, optimizer_of, schedule_of
from .training_settings import WITHOUT_EFFECT


class Recipe(ABC):
    """A task by its name. A subclass gives what is abstract here and what else differs from the rule.

    `settings` is a dataclass of meta-parameters (a TrainingSettings), `help` a line for each; `prepared` is a dataclass of
    plain values that is kept with a run: all that using the model takes besides its weights, so that no data are needed.
    `figure` says what its losses are called, `takes` what `predict` is given: image, sound or text. `options` is a dataclass
    of what using a run can be told, `options_help` a line for each.
    """

    name: str
    figure: Figure = LOSS
    settings: type
    help: Mapping[str, str]
    prepared: type
    takes: str = "image"
    options: type | None = None
    options_help: Mapping[str, str] = {}

    @abstractmethod
    def material(self, settings: Any) -> Any:
        """The data of these settings, read and split. Raises ValueError where they are none for this task."""

    @abstractmethod
    def prepare(self, settings: Any, material: Any) -> Any:
        """What is kept of the data: an instance of `prepared`."""

    @abstractmethod
    def model(self, settings: Any, prepared: Any) -> nn.Module:
        """The model, untrained."""

    @abstractmethod
    def goal(self, settings: Any, material: Any, prepared: Any) -> Goal:
        """What is learned, and from which batches."""

    @abstractmethod
    def measure(self, model: nn.Module, settings: Any, material: Any, split: str) -> Evaluation:
        """The figures of a model in evaluation mode on a split."""

    def optimizer(self, settings: Any, model: nn.Module) -> Any:
        return optimizer_of(settings, model)

    def notes(self, material: Any) -> Sequence[str]:
        """Lines about the data that the user should see."""
        return ()

    def example(self, prepared: Any) -> tuple[Tensor, ...] | None:
        """The arguments of one call, a batch of one, by which layers are summarised; None leaves the table out."""
        return None

    def image(self, prepared: Any, path: str) -> Tensor:
        """An image file as the model wants it, (1, C, H, W). Raises ValueError where it wants none."""
        raise ValueError(f"{path}: a {self.name} run takes no images")

    def sections(self, model: nn.Module, settings: Any, material: Any, test: Evaluation) -> Sequence[str]:
        """What the report shows besides curves: ready HTML (training.report_parts)."""
        return ()

    def predict(self, run: str | Path | Weights, inputs: Sequence[str], options: Any) -> list[Answer]:
        """An answer for each input, by its path or, where the task says so, itself. Raises ValueError for what is none."""
        raise ValueError(f"{run}: a {self.name} run has no inputs to say something about; `talweg generate {run}` may")

    def generate(self, run: str | Path | Weights, options: Any) -> Answer:
        """Something new from what was learned."""
        raise ValueError(f"{run}: a {self.name} run makes nothing new; `talweg predict {run} FILE` says what it sees")

    def learnt_before(self, task: Task, run: Path, listeners: Sequence[Listener]) -> FitResult | None:
        """A first stage, for tasks that have one: leaves the task with the weights that it begins with, and gives nothing,
        or what came of it where it was interrupted. A task that has made steps of its own is past it."""
        return None

    def subject(self, settings: Any) -> str:
        return f"{settings.model} on {settings.data}"

    def heading(self, settings: Any) -> str:
        """What is going to be trained, in a line."""
        s = settings
        return (f"Training {self.subject(s)}: {s.length()}, batches of {s.batch_size}, {s.optimizer}, "
                f"learning rate {s.lr:g}, {s.schedule} schedule, seed {s.seed}")

    def next_steps(self, run: Path) -> list[str]:
        """Commands that make sense after a training, each without its program's name."""
        return [f"evaluate {run}"]

    def train(self, settings: Any, out: str | Path | None = None, listeners: Sequence[Listener] = ()) -> Outcome:
        """Train, keep checkpoints, history and report in a new run folder, and look at the test split once.

        The test figures are those of the best epoch's weights. Ctrl-C and SIGTERM end the training after the step it is in,
        the rest follows. Raises ValueError for contradictory settings, ModuleNotFoundError when the data need an extra,
        FloatingPointError when training diverges; the best checkpoint so far stays.
        """
        task = self.begun(settings, self.material(settings))
        run = new_run(out or Path("runs") / f"{settings.model}-{short_name(settings.data)}")
        config = {"recipe": self.name, "settings": asdict(task.settings), "input": asdict(task.prepared)}
        write_settings(run / "config.yaml", config)
        return self._carried_out(task, run, listeners)

    def resume(
        self, run: str | Path, changes: Mapping[str, Any] | None = None, listeners: Sequence[Listener] = (),
    ) -> Outcome:
        """Go on with a run that was interrupted or killed: it ends with the weights it would have ended with, to the last
        bit.

        `changes` are settings that were given again: those that decide the weights must be the run's. Raises ValueError
        when they are not, or when the data have changed, and as `load` does.
        """
        run = Path(run)
        config = config_of(run)
        settings = self._settings_of(config, run)
        settings = changed(settings, changes or {}, WITHOUT_EFFECT, f"--resume {run}")
        material = self.material(settings)
        if from_mapping(self.prepared, config["input"]) != self.prepare(settings, material):
            raise ValueError(f"{settings.data}: has changed since {run} was begun, so that going on would mix two trainings: "
                             "bring the old data back, or train again")
        task = self.begun(settings, material)
        with suppress(FileNotFoundError):  # killed before the first save
            task.restore(read_training(run, partial(_tell, listeners)))
        return self._carried_out(task, run, listeners)

    def evaluate(self, run: str | Path, split: str = "test") -> Evaluation:
        """Measure a run's best weights on a split of the dataset it was trained on.

        Raises FileNotFoundError, ValueError or RuntimeError when the run or a file of it is not as it should be.
        """
        settings, model, _, material = self.with_data(run)
        return self.measure(model, settings, material, split)

    def corrupted(self, run: str | Path, split: str = "test") -> Suite:
        """How a run's accuracy withstands what happens to pictures. Raises ValueError where it tells no classes of pictures,
        and as `evaluate` does."""
        raise ValueError(f"{run}: a {self.name} run tells no classes of pictures, so there is no accuracy that corrupted ones "
                         "could lower")

    def with_data(self, run: str | Path) -> tuple[Any, nn.Module, Any, Any]:
        """What `load` gives, and the data. Raises ValueError where these have changed since the run was trained."""
        settings, model, prepared = self.load(run)
        material = self.material(settings)
        kept, now = (getattr(p, "fingerprint", None) for p in (prepared, self.prepare(settings, material)))
        if kept not in (None, now):
            raise ValueError(f"{settings.data}: has changed since {run} was trained, so that its splits are others and the "
                             "test split may hold samples that were learned from: train again, or bring the old data back")
        return settings, model, prepared, material

    def diagnose(self, run: str | Path) -> list[Symptom]:
        """What ails a run, by its epochs and by a batch of its training data; nothing for a healthy one. Raises as
        `evaluate` does."""
        settings, model, prepared = self.load(run)
        goal = self.goal(settings, self.material(settings), prepared)
        return _symptoms(model, goal, read_history(run))

    def load(self, run: str | Path) -> tuple[Any, nn.Module, Any]:
        """A run's settings, its model with the best weights, in evaluation mode, and how inputs are prepared.

        Raises FileNotFoundError, ValueError or RuntimeError, naming the file and what is wrong with it.
        """
        config = config_of(run)
        settings = self._settings_of(config, run)
        try:
            prepared: Any = from_mapping(self.prepared, config["input"])
            model = self.model(settings, prepared)
        except ValueError as error:
            raise ValueError(f"{Path(run) / 'config.yaml'}: {error}") from error
        if settings.lora:
            adapt(model, settings.lora, settings.lora_rank)
        load_model(run, model)
        model.eval()
        return settings, model, prepared

    def begun(self, settings: Any, material: Any) -> Task:
        """As the settings say, before the first step. Raises ValueError for settings that do not fit the model."""
        manual_seed(settings.seed)
        prepared: Any = self.prepare(settings, material)
        model = self.model(settings, prepared)
        remarks = make_ready(settings, model)
        average = average_of(settings, model)
        optimizer = self.optimizer(settings, model)
        goal = self.goal(settings, material, prepared)
        lasting = settings.lasting(len(goal.train))
        return Task(lasting, material, prepared, model, optimizer, average, TrainingState(), goal, remarks)

    def _carried_out(self, task: Task, run: Path, listeners: Sequence[Listener]) -> Outcome:
        notes = [*self.notes(task.material), *task.remarks]
        for note in notes:
            _tell(listeners, note)
        example = self.example(task.prepared)
        layers = [] if example is None else summarise(task.model, *example)
        result = self.learnt_before(task, run, listeners) or fitted(task, run, listeners)
        if result.best is None:  # interrupted before the first epoch's end: keep what there is
            save_best(run, task.used, {"epoch": 0})
        task.model.eval()
        test = self.measure(task.model, task.settings, task.material, "test")
        symptoms = _symptoms(task.model, task.goal, result.records, not result.interrupted) if self.figure is LOSS else []
        missing = write_report(run / "report.html", self._findings(task, run, layers, result, test, notes, symptoms))
        return Outcome(run, task.settings, result, test, missing, symptoms)

    def _findings(
        self, task: Task, run: Path, layers: list[LayerRow], result: FitResult, test: Evaluation, notes: list[str],
        symptoms: Sequence[Symptom],
    ) -> Findings:
        return Findings(
            title=f"{task.settings.model} on {short_name(task.settings.data)}", settings=asdict(task.settings),
            environment=environment(), records=result.records, layers=layers, split=test.split, samples=test.samples,
            tiles=test.tiles, sections=self.sections(task.model, task.settings, task.material, test),
            remarks=[*notes, *_ended(result)], diagnosis=[str(s) for s in symptoms], norms=read_norms(run), figure=self.figure,
        )

    def _settings_of(self, config: dict[str, Any], run: str | Path) -> Any:
        try:
            return from_mapping(self.settings, config["settings"])
        except ValueError as error:
            raise ValueError(f"{Path(run) / 'config.yaml'}: {error}") from error


def fitted(task: Task, run: Path, listeners: Sequence[Listener]) -> FitResult:
    s, goal = task.settings, task.goal
    checkpoints = Checkpoints(
        run, task.model, task.optimizer, task.state, average=task.average, every=s.save_every, keep_best=s.keep_best,
        monitor=goal.monitor,
    )
    watching: list[Listener] = [*listeners, History(run), LayerNorms(run, task.model)]
    if s.tensorboard:
        watching.append(TensorBoard(run))
    return fit(
        task.model, goal.loss, task.optimizer, goal.train, goal.validation,
        epochs=s.epochs, steps=s.steps, start=task.state, error=goal.error, validation_loss=goal.validation_loss,
        validate=goal.validate, schedule=schedule_of(s), clip_norm=s.clip_norm, accumulate=s.accumulate, weight=goal.weight,
        average=task.average, monitor=goal.monitor, patience=s.patience, on_nan=s.on_nan, precision=s.precision,
        checkpoint_activations=s.checkpoint_activations, update=goal.update, listeners=[*watching, checkpoints],
    )


def _symptoms(model: nn.Module, goal: Goal, records: Sequence[EpochRecord], looking: bool = True) -> list[Symptom]:
    """By the epochs and, with `looking`, by a training batch. Models that learn in turns have no single loss to look at, and
    their losses may rise while they learn."""
    if goal.update is not CompiledUpdate:
        return []
    if not looking:
        return over_fitting(records)
    inputs, targets = next(iter(goal.train))
    return diagnose(model, goal.loss, inputs, targets, records)


def _tell(listeners: Sequence[Listener], text: str) -> None:
    for listener in listeners:
        listener.note(text)


def _ended(result: FitResult) -> list[str]:
    skipped = [f"{result.skipped} steps were skipped, because their loss or gradient was not finite."] if result.skipped else []
    return skipped + (["The training was interrupted."] if result.interrupted else [])
