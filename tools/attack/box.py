"""The place of one attack: a temporary folder, its files, and sparsecheck as a user calls it there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sparsecheck.report.lines import encode
from sparsecheck.report.report import salvage
from sparsecheck.values.record import Footer
from tests.warm_python import COLD
from tools.attack.prepared import REPORTS, Prepared

SCRIPTS = Path(sys.executable).parent
SPARSECHECK = SCRIPTS / "sparsecheck"
"""The console script of the installed sparsecheck."""

LIMIT = 120.0
"""Seconds that one call may take."""

CLEANED_WITHIN = 10.0
"""Seconds that the guardian of a killed process gets, on a busy machine, to end processes and remove folders.

The guardian outlives the process that it cleans up after, so the end of that process says nothing about it.
"""

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""The characters that control a terminal or the direction of text; none may be printed."""

TRACEBACK = re.compile(r"^\s*Traceback \(most recent call last\)", re.MULTILINE)

_EXPECTED = ("torchinductor_", "left-")
"""Beginnings of the names in TMPDIR of torch's cache, and of the files that an attack leaves there."""

_FOREIGN = ("PYTHON", "PYTEST_", "COV_", "TOX_")
"""Beginnings of the names of variables that must not reach an attacked process."""


ACME = """from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter


class Acme(ExemplarAdapter):
    distribution = "acme-pruning"

    {body}"""

CELLS = ("--requirement", "MASK-01", "--requirement", "MASK-03")
"""Cells that are judged quickly."""

FLIPS = """class sparsified(Exemplar):
        def masks(self):
            return {name: ~mask for name, mask in super().masks().items()}
"""
"""The body of an adapter class whose sparsifier reports the opposite of its masks."""


SLEEPER = """import pathlib
import time

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

FOLDER = pathlib.Path(__file__).parent


class Sleeper(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            (FOLDER / "asleep").touch()
            time.sleep(60)
        return super().attach(model, plan, context)
"""
"""An adapter file whose sparsifier makes the file `asleep` in its third cell, and takes a minute for it."""


class Broken(Exception):
    """Raised by an attack that has succeeded; the message says how."""


@dataclass(frozen=True)
class Ended:
    """The end of a process. code: its exit code, negative for a signal. output: standard output and error."""

    code: int
    output: str


@dataclass
class Box:
    """The place of one attack.

    Attributes:
        folder: The folder in which commands run.
        prepared: Reports that several attacks start from.
        cold: Whether processes start from nothing.
        ended: The calls so far, oldest first.
    """

    folder: Path
    prepared: Prepared
    cold: bool = False
    ended: list[Ended] = field(default_factory=list)
    _digests: dict[Path, str] = field(default_factory=dict)
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for one in (self.folder, self.home, self.temporary):
            one.mkdir(parents=True)

    @property
    def home(self) -> Path:
        return self.folder.with_name("home")

    @property
    def temporary(self) -> Path:
        """Return the folder for temporary files, which must be empty in the end."""
        return self.folder.with_name("tmp")

    # --------------------------------------------------------------------- files

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file, with its folders."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def report(self, which: str = "green", name: str = "") -> Path:
        """Write a whole report, one of `prepared.REPORTS`, whose adapter file lies beside it."""
        shutil.copy(self.prepared.adapter(which), self.folder)
        return self.write(name or f"{which}.jsonl", self.prepared.report(which).read_bytes())

    def lines(self, report: Path) -> list[dict[str, Any]]:
        """Return the lines of a report."""
        return [json.loads(line) for line in report.read_text("utf-8").splitlines()]

    def rewrite(self, report: Path, lines: Iterable[Any]) -> None:
        """Replace the lines of a report."""
        report.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")

    def forge(self, report: Path, lines: Sequence[Any]) -> None:
        """Replace the lines of a report but for its footer, and give it the footer that belongs to them."""
        self.rewrite(report, lines)
        outcomes = salvage(report).outcomes()
        with report.open("ab") as file:
            file.write(encode(Footer(outcomes)))

    def expect_unchanged(self, *paths: Path) -> None:
        """Require that these files are the same in the end."""
        for path in paths:
            self._digests[path] = _digest(path)

    def require(self, condition: object, problem: str) -> None:
        """Require something besides the constants.

        Raises:
            Broken: It is not so.
        """
        if not condition:
            raise Broken(problem)

    def install(self, body: str = "pass\n", version: str = "1.0") -> dict[str, str]:
        """Install a release of acme-pruning whose sparsifier `acme` is the exemplar with `body` as class body.

        Returns:
            The changes of the environment with which it is found.
        """
        metadata = f"site/acme_pruning-{version}.dist-info"
        self.write("site/acme_pruning.py", ACME.format(body=body))
        self.write(f"{metadata}/METADATA", f"Metadata-Version: 2.1\nName: acme-pruning\nVersion: {version}\n")
        self.write(f"{metadata}/RECORD", f"acme_pruning.py,,\nacme_pruning-{version}.dist-info/METADATA,,\n")
        self.write(f"{metadata}/entry_points.txt", "[sparsecheck.sparsifiers]\nacme = acme_pruning:Acme\n")
        return {"PYTHONPATH": str(self.folder / "site")}

    def accept(self, adapter: Path, report: Path | str) -> None:
        """Write the proposed expectations beside an adapter file, and give every entry a reason."""
        self.sparsecheck("expect", report, "--adapter", adapter.name, "--write")
        [expectations] = self.folder.glob("*.expectations.toml")
        proposed = expectations.read_text("utf-8")
        reason = 'reason = "It is a known fault."'
        expectations.write_text(re.sub(r'reason = "UNEXPLAINED[^"]*"', reason, proposed), "utf-8")

    def show_everywhere(self, report: Path) -> None:
        """Show a report in every way there is, the terminal last; no way may let control characters through."""
        self.sparsecheck("page", report, "--html", "page.html", "--markdown", "page.md")
        self._require_no_controls("page")
        self.sparsecheck("versions", report, "--html", "versions.html", "--markdown", "versions.md")
        self._require_no_controls("versions")
        gate = ("--junit", "gate.xml", "--markdown", "gate.md")
        self.sparsecheck("gate", "--baseline", self.report("red", "baseline.jsonl"), report, *gate)
        self._require_no_controls("gate")
        self.sparsecheck("gate", "--baseline", report, self.folder / "baseline.jsonl", *gate)
        self._require_no_controls("gate")
        self.sparsecheck("expect", report)
        self._require_no_controls("expect")
        self.sparsecheck("report", report, "--junit", "report.xml", "--markdown", "report.md")
        self._require_no_controls("report")

    def _require_no_controls(self, command: str) -> None:
        texts = {"its output": self.ended[-1].output}
        pages = (one for one in self.folder.iterdir() if one.suffix in (".html", ".md", ".xml"))
        texts |= {page.name: page.read_bytes().decode("utf-8", "backslashreplace") for page in pages}
        for name, text in texts.items():
            found = CONTROLS.search(text)
            self.require(found is None, f"{command}: control character {found and found[0]!a} in {name}")
        self.require(TRACEBACK.search(self.ended[-1].output) is None, f"{command}: a traceback")

    def require_nobody_blamed(self, report: Path) -> None:
        """Require that an interrupted run has a report, or its parts, and that no cell in it is red."""
        found = [report] if report.exists() else sorted(self.folder.rglob("*.jsonl"))
        self.require(found, "no record is left")
        text = "".join(one.read_text("utf-8") for one in found)
        self.require('"verdict":"error"' not in text and '"verdict":"failed"' not in text, "somebody is blamed")

    def junit_is_red(self, path: Path) -> bool:
        """Return whether a JUnit file has a failure or an error, as a CI system counts them."""
        suites = list(ElementTree.parse(path).getroot().iter("testsuite"))
        counts = [int(one.get(kind, "0")) for one in suites for kind in ("failures", "errors")]
        cases = [one for suite in suites for case in suite.iter("testcase") for one in case]
        return sum(counts) > 0 and any(one.tag in ("failure", "error") for one in cases)

    # ----------------------------------------------------------------- processes

    def environment(self, changes: Mapping[str, str | None] = {}) -> dict[str, str]:
        """Return the environment of a user; a value of None removes a variable."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        own = {
            "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "HOME": str(self.home), "OMP_NUM_THREADS": "1",
            "TMPDIR": str(self.temporary), "PYTHONDONTWRITEBYTECODE": "1", **({COLD: "1"} if self.cold else {}),
        }
        return {name: value for name, value in {**kept, **own, **changes}.items() if value is not None}

    def sparsecheck(
        self, *arguments: str | Path, env: Mapping[str, str | None] = {}, folder: Path | None = None
    ) -> Ended:
        """Call sparsecheck and wait for its end."""
        command = [sys.executable, str(SPARSECHECK), *map(str, arguments)]
        return self._run(command, env, folder)

    def run(self, which: str = "green", *arguments: str | Path, env: Mapping[str, str | None] = {}) -> Ended:
        """Judge the adapter of a prepared report again, on the same cells, with `--report out.jsonl`."""
        adapter = Path(shutil.copy(self.prepared.adapter(which), self.folder)).name
        options = ("--adapter", adapter, *REPORTS[which].cells.split(), "--report", "out.jsonl", *arguments)
        return self.sparsecheck("run", *options, env=env)

    def shell(self, command: str, env: Mapping[str, str | None] = {}) -> Ended:
        """Run a line of bash, in which `sparsecheck` is the console script."""
        return self._run(["bash", "-c", command], env, None)

    def python(self, code: str, env: Mapping[str, str | None] = {}) -> Ended:
        """Run a few lines of Python."""
        return self._run([sys.executable, "-c", code], env, None)

    def _run(self, command: Sequence[str], env: Mapping[str, str | None], folder: Path | None) -> Ended:
        started = subprocess.Popen(
            command, cwd=folder or self.folder, env=self.environment(env), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )
        self._started.append(started)
        try:
            out, err = started.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.end()
            raise Broken(f"{Path(command[0]).name} took longer than {LIMIT:g} s") from None
        return self._note(started.returncode, out + err)

    def start(self, *arguments: str | Path, env: Mapping[str, str | None] = {}) -> subprocess.Popen[bytes]:
        """Start sparsecheck in a session of its own, cold; its output goes to `log` in the folder."""
        with (self.folder / "log").open("wb") as log:
            started = subprocess.Popen(
                [str(SPARSECHECK), *map(str, arguments)], cwd=self.folder, env=self.environment(env),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )
        self._started.append(started)
        return started

    def wait(self, started: subprocess.Popen[bytes], seconds: float) -> Ended:
        """Wait for the end of a started process.

        Raises:
            Broken: It takes longer than `seconds`.
        """
        try:
            code = started.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Broken(f"it went on for {seconds:g} s") from None
        return self._note(code, (self.folder / "log").read_bytes())

    def wait_for(self, pattern: str, seconds: float = 60.0) -> Path:
        """Wait until a file that matches the glob exists in the folder, and return it.

        Raises:
            Broken: There is none after `seconds`.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := next(iter(self.folder.glob(pattern)), None):
                return found
            time.sleep(0.05)
        raise Broken(f"after {seconds:g} s there is no {pattern}")

    def _note(self, code: int, output: bytes) -> Ended:
        self.ended.append(Ended(code, output.decode("utf-8", "backslashreplace")))
        return self.ended[-1]

    def end(self) -> None:
        """Kill the sessions that were started and are still there."""
        for one in self._started:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()

    # ------------------------------------------------------------------- the end

    def left_behind(self) -> str:
        """Return what the calls left behind: changed files, temporary files or processes; or an empty string."""
        for path, digest in self._digests.items():
            if _digest(path) != digest:
                return f"{path.name} was changed"
        until = time.monotonic() + CLEANED_WITHIN
        while (self._files_left() or processes_in(self.folder.parent)) and time.monotonic() < until:
            time.sleep(0.05)
        if left := self._files_left():
            return f"left in TMPDIR: {', '.join(left[:3])}"
        if alive := processes_in(self.folder.parent):
            self._kill(alive)
            return f"left {len(alive)} processes"
        return ""

    def _files_left(self) -> list[str]:
        return sorted(one.name for one in self.temporary.iterdir() if not one.name.startswith(_EXPECTED))

    def _kill(self, alive: Iterable[int]) -> None:
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def processes_in(folder: Path) -> list[int]:
    """Return the processes whose current folder is below `folder`; none where there is no /proc."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if Path(os.readlink(link).removesuffix(" (deleted)")).is_relative_to(folder):
                found.append(int(link.parent.name))
    return found


def _digest(path: Path) -> str:
    """Return a digest of a file, or of the target of a link, so that a replaced link is noticed."""
    if path.is_symlink():
        return f"link to {os.readlink(path)}, {_digest(path.resolve())}"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "missing"
