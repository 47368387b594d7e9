# Copyright (c) 2026, the dockerflow.delivery contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.dockerflow.delivery.plugins.module_utils.core.errors import DeliveryError
from ansible_collections.dockerflow.delivery.plugins.module_utils.syntax.dotenv import read_dotenv

DOTENV = [
    pytest.param("A=1\nB=two words\n", {"A": "1", "B": "two words"}, id="plain"),
    pytest.param("# no\n\nexport A=1\n", {"A": "1"}, id="comment, export"),
    pytest.param("A=1 # note\nB=1#2\n", {"A": "1", "B": "1#2"}, id="trailing comment"),
    pytest.param("A='$B # x'\n", {"A": "$B # x"}, id="single quotes are literal"),
    pytest.param('A="a\\"b\\n" # x\n', {"A": 'a"b\n'}, id="double quotes"),
    pytest.param("A='one\ntwo'\nB=2\n", {"A": "one\ntwo", "B": "2"}, id="several lines"),
    pytest.param("A=1\nB=${A}2\nC=${X:-d}$OUTER\n", {"A": "1", "B": "12", "C": "do"}, id="references"),
    pytest.param("A=\n", {"A": ""}, id="empty"),
    pytest.param('A="\\$B \\\\ \\a\\0101\\01\\x"\n', {"A": "$B \\ \aA\\1\\x"}, id="escapes"),
    pytest.param("A='it\\'s'\n", {"A": "it's"}, id="an apostrophe"),
    pytest.param("OUTER\nexport OUTER\nNONE\nA=1\n", {"OUTER": "o", "A": "1"}, id="inherited"),
    pytest.param("A='x' B=2\n", {"A": "x", "B": "2"}, id="two on one line"),
    pytest.param("A=a\t# b\nB=a#b\n", {"A": "a\t# b", "B": "a#b"}, id="no comments"),
    pytest.param("A=a\u2028b\x0cc\rd\n", {"A": "a\u2028b\x0cc\rd"}, id="no ends of a line"),
    pytest.param("A='a\r\nb'\r\nB=c\r\n", {"A": "a\r\nb", "B": "c"}, id="CRLF"),
    pytest.param("\ufeffA: b\nexportB=c\n", {"A": "b", "exportB": "c"}, id="a mark before, colon"),
    pytest.param("1A=a\n!B=b\nC D=c\nE=e\n", {"E": "e"}, id="no names"),
    pytest.param("Ä=ö\n", {"Ä": "ö"}, id="not ASCII"),
]


@pytest.mark.parametrize(("text", "expected"), DOTENV)
def test_dotenv(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    path = tmp_path / ".env"
    path.write_bytes(text.encode())
    assert read_dotenv(path, {"OUTER": "o"}) == expected


def test_dotenv_without_closing_quote(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PASSWORD='half\n")
    with pytest.raises(DeliveryError, match=r"has no closing quote for the value of PASSWORD$"):
        read_dotenv(tmp_path / ".env")


def test_dotenv_that_cannot_be_filled_in(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=${X:?say it}\n")
    with pytest.raises(DeliveryError, match=r"\.env' gives A no value: variable 'X' is not set: say it$"):
        read_dotenv(tmp_path / ".env")


def test_dotenv_that_is_not_there(tmp_path: Path) -> None:
    assert read_dotenv(tmp_path / ".env") == {}
    (tmp_path / ".env").mkdir()
    assert read_dotenv(tmp_path / ".env") == {}
