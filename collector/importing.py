"""Imports archive files made by other tools: page by page into the archive, every row accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from archive.memory import no_search_for_cycles
from archive.models import Batch, Chat, Flaw
from archive.projection import storable
from archive.store import Archive, PreparedPage, WalkPlace, prepare_page
from archive.walks import Walk, begin_walk, close_walk
from collector.sources.base import FileSource

_EXAMPLES = 5
_UNUSABLE = ("unusable", "malformed", "cut")


@dataclass(slots=True)
class Imported:
    """The account of one file.

    Every post of a row is new, or known (also from an earlier row); ``along_count`` counts new posts that came along
    inside others (quoted, replied to). A row without a usable post is counted in ``unusable_count``.
    ``reasons`` counts why rows were not usable; ``examples`` are the first few flaws with their lines.
    ``cut_short``: the file could not be read to its end.
    """

    path: Path
    format: str
    rows_count: int = 0
    new_count: int = 0
    known_count: int = 0
    along_count: int = 0
    repaired_count: int = 0
    unusable_count: int = 0
    unknown_count: int = 0
    cut_short: bool = False
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[Flaw] = field(default_factory=list)

    def add(self, batch: Batch, new: frozenset[str]) -> None:
        """Counts one page in; ``new`` are the posts that the archive did not know."""
        rows = [post.id for post in batch.posts if post.primary]
        own = set(rows)
        self.rows_count += batch.rows
        self.new_count += len(own & new)
        self.known_count += len(rows) - len(own & new)
        self.along_count += len(new - own)
        self._add_flaws(batch)

    def _add_flaws(self, batch: Batch) -> None:
        kinds: Counter[str] = Counter(flaw.kind for flaw in batch.flaws)
        self.repaired_count += kinds["repaired"]
        self.unknown_count += kinds["unknown"]
        self.unusable_count += sum(kinds[kind] for kind in _UNUSABLE)
        bad = [flaw for flaw in batch.flaws if flaw.kind in _UNUSABLE]
        self.reasons.update(flaw.detail for flaw in bad)
        self.cut_short = self.cut_short or bool(kinds["cut"])
        self.examples += bad[: _EXAMPLES - len(self.examples)]


def import_file(
    archive: Archive,
    chat: Chat,
    path: Path,
    source: FileSource,
    on_page: Callable[[Imported], None] = lambda _: None,
) -> Imported:
    """Reads the whole file into the archive. Pages stored before are counted and not stored again.

    Compressing a page runs beside parsing it: zlib lets other threads work meanwhile.
    """
    walk = _open(archive, chat, path, source)
    account = Imported(path, source.name)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="compress") as pool, no_search_for_cycles():
        for page in source.read(path, archive.now()):
            packed = pool.submit(prepare_page, page)
            batch = source.parse(page)
            _save(archive, walk, packed.result(), batch, account)
            on_page(account)
    close_walk(archive, walk, "done")
    return account


def _open(archive: Archive, chat: Chat, path: Path, source: FileSource) -> Walk:
    key = f"{chat.slug}|import|{source.name}|{storable(path.name)}"
    walk = Walk(
        id=0, chat=chat.slug, platform=source.platform, key=key, floor=None, top=None, cursor=None, not_before=None,
        opened_at=archive.now(), covers_from=None, covers_to=None,
    )  # fmt: skip
    return begin_walk(archive, walk)


def _save(archive: Archive, walk: Walk, prepared: PreparedPage, batch: Batch, account: Imported) -> None:
    place = WalkPlace(walk=walk.id, key=walk.key, chat=walk.chat, platform=walk.platform, cursor=None)
    saved = archive.save_page(prepared, batch, place, once=True)
    account.add(batch, saved.new if saved else frozenset())
