"""Import of a flattened twarc2 file: against the bare limit, and against `twarc2 csv` on the same file.

The limit reads the same lines with json.loads and writes one row a post into a table with four indexes. Ratios of one
run on one machine; above 1 Chatkeep is faster. Peak memory is of each process, as the system counts it.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from realistic import flattened_posts

ROOT = Path(__file__).parent.parent
_LIMIT = """
import json, sqlite3, sys
conn = sqlite3.connect(sys.argv[2], isolation_level=None)
conn.execute("CREATE TABLE posts (id TEXT PRIMARY KEY, author TEXT, created_at TEXT, text TEXT, conversation TEXT)")
for column in ("author", "created_at", "conversation"):
    conn.execute(f"CREATE INDEX posts_{column} ON posts({column})")
def rows():
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            post = json.loads(line)
            yield post["id"], post["author_id"], post["created_at"], post["text"], post["conversation_id"]
conn.execute("BEGIN")
conn.executemany("INSERT INTO posts VALUES (?, ?, ?, ?, ?)", rows())
conn.execute("COMMIT")
"""


def timed(
    command: list[str], environment: dict[str, str] | None = None, folder: Path | None = None
) -> tuple[float, float]:
    """Seconds and peak megabytes of one process that must succeed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} failed with {process.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def make_file(folder: Path, count: int) -> Path:
    """The file to import."""
    path = folder / f"posts-{count}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in flattened_posts(count))
    return path


def run_chatkeep(path: Path, folder: Path) -> tuple[float, float]:
    """`chatkeep import` into a fresh archive."""
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    command = [sys.executable, "-m", "chatkeep", "--data", str(data), "--config", str(folder / "none.toml")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return timed([*command, "import", "northmoor", str(path), "--new"], environment)


def run_limit(path: Path, folder: Path) -> tuple[float, float]:
    """The bare limit into a fresh file."""
    target = folder / "limit.db"
    target.unlink(missing_ok=True)
    return timed([sys.executable, "-c", _LIMIT, str(path), str(target)])


def install_twarc(folder: Path) -> Path:
    """twarc-csv in an environment of its own: it needs an older pandas than the rest of the world."""
    home = folder / "twarc"
    venv.create(home, with_pip=True)
    subprocess.run([home / "bin" / "pip", "install", "-q", "twarc", "twarc-csv", "pandas<3"], check=True)
    return home / "bin" / "twarc2"


def main() -> None:
    """Prints the ratios."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--posts", type=int, default=50_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--without-twarc", action="store_true")
    told = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, small = make_file(folder, told.posts), make_file(folder, told.posts // 10)
        print(f"{told.posts} posts, {path.stat().st_size / told.posts / 1000:.1f} kB each, {told.rounds} rounds")
        ours, limit = [], []
        for _ in range(told.rounds):
            ours.append(run_chatkeep(path, folder))
            limit.append(run_limit(path, folder))
        seconds = statistics.median(s for s, _ in ours)
        bare = statistics.median(s for s, _ in limit)
        ratio = statistics.median(b[0] / o[0] for o, b in zip(ours, limit, strict=True))
        print(f"chatkeep import   {told.posts / seconds:8.0f} posts/s   peak {max(m for _, m in ours):6.0f} MB")
        print(f"the bare limit    {told.posts / bare:8.0f} posts/s   chatkeep runs at {ratio:.2f} of it")
        print(f"a tenth as many   peak {run_chatkeep(small, folder)[1]:6.0f} MB")
        if not told.without_twarc:
            twarc = install_twarc(folder)
            # twarc2 asks for a key before it does anything, and needs none for a file
            environment = {**os.environ, "BEARER_TOKEN": "none", "HOME": name}
            peer, memory = timed([str(twarc), "csv", str(path), str(folder / "out.csv")], environment, folder)
            print(f"twarc2 csv        {told.posts / peer:8.0f} posts/s   peak {memory:6.0f} MB")
            print(f"chatkeep import is {peer / seconds:.1f} times as fast as twarc2 csv")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"(all processes together: {usage.ru_utime + usage.ru_stime:.0f} CPU seconds)")


if __name__ == "__main__":
    main()
