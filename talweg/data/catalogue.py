"""Datasets that have a name: `load("digits", size=28)`."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .digits import digits, raw_digits
from .examples import content_hash
from .named.captions import captions
from .named.families import families_content, graph_families
from .named.karate import davis_southern_women, karate, les_miserables
from .named.paragraphs import paragraphs_content, topic_paragraphs
from .named.photos import photo_files, photos
from .named.pronounced import g2p
from .named.published_images import build_published
from .named.scenes import scenes
from .named.spoken import spoken_digits, spoken_words
from .named.tables import build_table, raw_table
from .named.topics import python_version, topics, topics_text


@dataclass(frozen=True)
class Entry:
    """A named dataset: what builds it, one line about it, and the extra it needs.

    `labelled` sets give Splits, of pictures when `sized` (their builder takes a size). `content` gives what the
    set is made from, `pinned` its content hash, or one for each release of what it comes with. `facts` are lines that
    one should know before using it.
    """

    build: Callable[..., Any]
    summary: str
    extra: str | None = None
    labelled: bool = True
    sized: bool = False
    content: Callable[[], list[Any]] | None = None
    pinned: str | Mapping[str, str] | None = None
    facts: tuple[str, ...] = ()


def _table(name: str, summary: str, pinned: str, *facts: str) -> Entry:
    return Entry(functools.partial(build_table, name), summary, "data", content=lambda: list(raw_table(name)[:2]),
                 pinned=pinned, facts=facts)


def _speech(name: str, build: Callable[..., Any], summary: str, pinned: str) -> Entry:
    return Entry(build, summary, "speech", labelled=False, content=lambda: _speech_content(name), pinned=pinned, facts=(
        "synthetic: a program under the GNU GPL speaks it, which `pip install talweg[speech]` brings; kept in $TALWEG_DATA or "
        "the user's cache folder",
        "27 ways of speaking, of which 4 are in the test split only; accents, speeds and pitches vary",
    ))


def _published(name: str, summary: str) -> Entry:
    return Entry(functools.partial(build_published, name), summary, sized=True, facts=(
        "fetched once and verified by MD5; kept in $TALWEG_DATA or the user's cache folder",
        "without a network: `--data FOLDER` with the published files, compressed or not",
    ))


CATALOGUE = {
    "digits": Entry(
        digits, "1,797 handwritten digits, 8x8 pixels, 10 classes (scikit-learn)", "data", sized=True,
        content=lambda: list(raw_digits()), pinned="d59cec7fc8f893e5fed89ff5cbe76b77",
        facts=("written by 43 people and ordered by writer, so splits are shuffled and stratified: 1200 / 237 / 360",),
    ),
    "iris": _table("iris", "150 irises of 3 species, 4 measures (scikit-learn)", "b0e6e10babc2252ca190dc7e008c17df"),
    "wine": _table("wine", "178 wines of 3 growers, 13 measures (scikit-learn)", "931a732bcf8a5c22771aae77de5b041f"),
    "breast_cancer": _table("breast_cancer", "569 tumours, malignant or benign, 30 measures (scikit-learn)",
                            "b8e3f159d8b33851ff00873fcd7ac9b9"),
    "diabetes": _table("diabetes", "442 patients, 10 measures; the disease's progress is a number (scikit-learn)",
                       "36eab83f7388a20fcc0bd62485a2a60d",
                       "the measures are scaled already: each column has mean 0 and the squares' sum 1"),
    "linnerud": _table("linnerud", "20 people, 3 exercises; 3 body measures are the targets (scikit-learn)",
                       "a716c0e7219d4c85b22b9a9901cb2aca"),
    "photos": Entry(photos, "two photographs, 427x640, to denoise: train on china.jpg, test on flower.jpg (scikit-learn)",
                    "data", labelled=False, content=lambda: [p.read_bytes() for p in photo_files()],
                    pinned="a5b805816ca595379c74ebadb8b3929c"),
    "topics": Entry(topics, "the help topics of Python's manual, an English text for language models", labelled=False,
                    content=lambda: [topics_text()], pinned={"3.11.7": "099672a18dae65675c3638931a9b9560"},
                    facts=("the text differs from one Python release to the next; compare on the same text only",)),
    "topics:paragraphs": Entry(
        topic_paragraphs, "1,229 paragraphs of those topics, to be told which of 20 topics each is from", labelled=False,
        content=paragraphs_content, pinned={"3.11.7": "25db634debbb72f0420faacd2fdad2c8"},
        facts=("a paragraph that several topics have belongs to the shortest; those of other topics have no label",
               "the text differs from one Python release to the next; compare on the same text only"),
    ),
    "karate": Entry(karate, "Zachary's karate club: 34 people, 78 friendships, 2 sides (networkx)", "graphs", labelled=False,
                    content=lambda: [karate().edges, karate().labels], pinned="7cb249cbd213b518abe69d7af1240516",
                    facts=("networkx puts weights on the edges; they are left out, as in the classic graph",)),
    "les_miserables": Entry(
        les_miserables, "77 characters of a novel, 254 pairs that meet, without classes (networkx)", "graphs", labelled=False,
        content=lambda: [les_miserables().edges, "\n".join(les_miserables().names)], pinned="fff6e0082c3c093f42115b33bf3ed7f2",
    ),
    "davis_southern_women": Entry(
        davis_southern_women, "18 women, 14 events, 89 visits (networkx)", "graphs", labelled=False,
        content=lambda: [davis_southern_women().edges, davis_southern_women().labels], pinned="d044a4bfa663ee1322a98cc86e813f84",
    ),
    "graph_families": Entry(
        graph_families, "600 random graphs of three families, to be told apart (networkx)", "graphs", labelled=False,
        content=families_content, pinned="06d82f999cc6cd4795650a1e45537af3",
        facts=("graphs of all families have as many edges for their nodes: what tells them is how the edges lie",),
    ),
    "scenes": Entry(scenes, "one to three digits in a noisy picture, with boxes and masks, to detect and segment", "data",
                    labelled=False, content=lambda: _scene_content(), pinned="b0558bad524e657001a6f0169d51ff49",
                    facts=("training, validation and test scenes are drawn from disjoint digits",)),
    "scenes32": Entry(functools.partial(scenes, side=32, counts=(4000, 500, 500)),
                      "5,000 smaller scenes, 32x32 pixels, to segment", "data", labelled=False,
                      content=lambda: _scene_content(32), pinned="154b657369e8560969fcb21900f83c3f",
                      facts=("each pixel is ground or one of ten digits; most scenes hold one digit",)),
    "captions": Entry(captions, "coloured digits in corners with captions; 40 of 200 combinations are held out", "data",
                      labelled=False, content=lambda: _caption_content(), pinned="e8bccd44bbb93dc48df5fec03eceef82"),
    "speech:digits": _speech("speech:digits", spoken_digits, "1 to 4 digits a recording, in English and French (espeak-ng)",
                             "23f180c1657be4ab3b800b555034ba75"),
    "speech:words": _speech("speech:words", spoken_words, "numbers below a million, in English and French (espeak-ng)",
                            "9f7e8f49c85ae89a2ab89441a93673c3"),
    "g2p": Entry(g2p, "11,000 words of Python's library, spelled and in phonemes (espeak-ng)", "speech", labelled=False,
                 content=lambda: [g2p().fingerprint], pinned={"3.11.7": "496db80f5f5e87990b042dc1527d545d"},
                 facts=("the words differ from one Python release to the next; compare on the same words only",)),
    "mnist": _published("mnist", "70,000 handwritten digits, 28x28 pixels, 10 classes (fetched)"),
    "fashion_mnist": _published("fashion_mnist", "70,000 pieces of clothing, 28x28 pixels, 10 classes (fetched)"),
    "cifar10": _published("cifar10", "60,000 colour images, 32x32 pixels, 10 classes (fetched)"),
}


def entry_of(name: str) -> Entry:
    """The named dataset. Raises ValueError, with the nearest name, when there is none."""
    if name not in CATALOGUE:
        near = difflib.get_close_matches(str(name), CATALOGUE, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(CATALOGUE)}"
        raise ValueError(f"no dataset is called {name!r}: {hint}")
    return CATALOGUE[name]


def load(name: str, **settings: Any) -> Any:
    """A named dataset: Splits for those with labels, what its builder gives otherwise.

    Raises ValueError for a name that is none, ModuleNotFoundError, naming the extra, when a package lacks.
    """
    return entry_of(name).build(**settings)


def pinned_hash(name: str) -> str | None:
    """The content hash that this set is known to have here, None where none is known."""
    pinned = entry_of(name).pinned
    return pinned.get(python_version()) if isinstance(pinned, Mapping) else pinned


def measured_hash(name: str) -> str | None:
    """The hash of the content as it is here, None for what is fetched and verified by its own sums."""
    content = entry_of(name).content
    return None if content is None else content_hash(*content()).hex()


def _speech_content(name: str) -> list[Any]:
    """What a few recordings of each part sound like, and what is said in them."""
    found = load(name, counts=(20, 5, 5))
    return [piece for r in (*found.train, *found.validation, *found.test) for piece in (r.sound, r.text)]


def _scene_content(side: int = 64) -> list[Any]:
    """Labels of some: pixels are resized by Pillow, whose last bits are not pinned."""
    found = scenes(side, counts=(20, 5, 5))
    return [array for s in (*found.train, *found.test) for array in (s.labels,)]


def _caption_content() -> list[Any]:
    found = captions(counts=(50, 10, 10))
    return [*found.train.captions, *found.unseen.captions, found.held_out]
