from __future__ import annotations

from dataclasses import replace

import pytest
from made_up_chat import northmoor
from memory_archive import memory_archive

from analysis.engine import Findings, analyse_session
from analysis.rows import build_rows
from analysis.saving import save_findings
from analysis.themes import Theme
from archive.models import Chat


def found(chat: Chat, *labels: str) -> Findings:
    themes = tuple(Theme(id=f"theme-{label[0]}", label=label, terms=(), posts=(), post=None) for label in labels)
    return replace(analyse_session(build_rows(chat, chat.sessions[0], [])), themes=themes)


@pytest.mark.parametrize("again", [False, True])
def test_themes_and_questions_that_are_found_again_change_and_others_go(*, again: bool) -> None:
    conn = memory_archive().conn
    if again:
        save_findings(conn, found(northmoor("What?", "Who?", "When?"), "bins", "roads"), "1")
    save_findings(conn, found(northmoor("What?", "Where?"), "roadworks", "parks"), "2")
    questions = conn.execute("SELECT number, text, version FROM questions ORDER BY number").fetchall()
    assert [tuple(row) for row in questions] == [(1, "What?", "2"), (2, "Where?", "2")]
    themes = conn.execute("SELECT label, version FROM themes ORDER BY label").fetchall()
    assert [tuple(row) for row in themes] == [("parks", "2"), ("roadworks", "2")]
