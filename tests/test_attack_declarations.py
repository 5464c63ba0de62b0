"""Invalid adapter files and declarations: none is judged, and each is listed with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sparsecheck.cli import main
from tests.faulty import written

DECLARING = "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\nimport numpy as np\nimport sys\n" + (
    "class Faulty(ExemplarAdapter):\n    {body}\n"
)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("version = None", "ValidationError: Expected `str`, got `null` - at `$.version`"),
        ("version = 1.5", "ValidationError: Expected `str`, got `float` - at `$.version`"),
        ("distribution = ['acme']", "does not declare itself: "),
        ("tracker = b'1'", "TypeError: it would be recorded as another"),
        ("tracker = {1: 2}", "ValidationError: Expected `str`, got `object` - at `$.tracker`"),
        ("tracker = np.ones(3)", "TypeError: Encoding objects of type numpy.ndarray is unsupported"),
        ("profile = 'odd'", "ValidationError: Invalid enum value 'odd' - at `$.profile`"),
        ("supported = None", "TypeError: 'NoneType' object is not iterable"),
        ("supported = [1, 2]", "does not declare itself: TypeError: "),
        ("supported = ''", "leaves undeclared: linear, conv1d, "),
        ("contract = {}", "ValidationError: Object missing required field `holds` - at `$.contract`"),
        ("declare = lambda self, name: None", "ValidationError: Expected `object`, got `null`"),
        ("declare = lambda self, name: (one for one in ())", "does not declare itself: "),
        ("declare = lambda self, name: sys.exit(0)", "does not declare itself: SystemExit: 0"),
        ("declare = lambda self, name: ExemplarAdapter().declare('other')",
         "declares the name 'other', but is registered as 'faulty'"),
    ],
)
def test_declaration_of_wrong_types_is_rejected(tmp_path: Path, body: str, said: str) -> None:
    file = written(tmp_path, DECLARING.format(body=body))
    result = CliRunner().invoke(main, ["list", "--check", "--adapter", str(file)])
    assert result.exit_code == 2, result.output
    [row] = [line for line in result.output.splitlines() if line.startswith("faulty ")]
    assert f"BROKEN: {file}:4 (class Faulty) " in row
    assert said in row


@pytest.mark.parametrize(
    ("text", "line"), [("import torch\n\nclass A:\n    x = = 3\n", 4), ("def broken(:\n", 1), ("x = 'open\n", 1)]
)
def test_syntax_error_is_reported_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    file = written(tmp_path, text)
    result = CliRunner().invoke(main, ["list", "--check", "--adapter", str(file)])
    assert result.exit_code == 2
    [row] = [row for row in result.output.splitlines() if row.startswith("faulty ")]
    assert "does not import: SyntaxError: " in row
    assert row.endswith(f"({file}:{line})")


@pytest.mark.parametrize("text", ["x = 1\0\n", "raise ImportError('no')\n"])
def test_only_lines_of_the_adapter_are_reported(tmp_path: Path, text: str) -> None:
    result = CliRunner().invoke(main, ["list", "--check", "--adapter", str(written(tmp_path, text))])
    assert result.exit_code == 2
    assert "BROKEN: " in result.output
    assert not any(other in result.output for other in ("<frozen", "discovery.py"))
