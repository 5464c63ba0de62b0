"""The pytest plugin. It is inert until a case is collected or one of its options is given.

It is loaded in every pytest run of every user, so this module imports only pytest at the top.
"""

from __future__ import annotations

import importlib.util
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .run.pytest_hooks import Judge
    from .run.session import SessionRequest
    from .trials.trial import Trial

_NAME = "sparsecheck-judge"
_WIRE = "sparsecheck-asked"
_DIGEST = "sparsecheck-digest"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of sparsecheck."""
    group = parser.getgroup("sparsecheck", "conformance of PyTorch sparsifiers")
    add = group.addoption
    add("--sparsecheck-subject", action="append", default=[], metavar="NAME", help="judge this registered sparsifier")
    add("--sparsecheck-adapter", action="append", default=[], metavar="FILE", help="judge the adapter in this file")
    add("--sparsecheck-area", action="append", default=[], metavar="AREA", help="only this area, such as MASK")
    add("--sparsecheck-requirement", action="append", default=[], metavar="ID", help="only this requirement")
    add("--sparsecheck-cell", action="append", default=[], metavar="CELL", help="only this cell")
    add("--sparsecheck-probe", action="store_true", help="only cells that need an undeclared capability")
    add("--sparsecheck-shard", metavar="K/N", help="only this of N equal parts")
    add("--sparsecheck-durations", metavar="FILE", help="balance the shards by the durations in this report")
    add("--sparsecheck-catalogue", type=int, metavar="N", help="judge by this earlier version of the catalogue")
    add("--sparsecheck-ignore-expectations", action="store_true", help="judge as if there were no expectation files")
    add("--sparsecheck-kept", metavar="FILE", help="records of an interrupted run, whose cells are not judged again")
    add("--sparsecheck-report", metavar="FILE", help="write the report to this file, as JSON Lines")
    add("--sparsecheck-limit", type=float, default=60.0, metavar="SECONDS", help="time limit for one case")


def pytest_configure(config: pytest.Config) -> None:
    """Plan the run at once if it asks for a sparsifier, a report or the cases."""
    _measure(config)
    if _asked(config) and not hasattr(config, "workerinput"):
        _judge(config)


def _measure(config: pytest.Config) -> None:
    """Measure which lines are executed from here on, if `sparsecheck run --coverage` started this process."""
    if "SPARSECHECK_COVERAGE" in os.environ:
        from .process.line_coverage import measured

        stack = ExitStack()
        stack.enter_context(measured())
        config.add_cleanup(stack.close)


def _asked(config: pytest.Config) -> bool:
    option = config.option
    named = [argument.partition("::")[0] for argument in config.args]
    if option.sparsecheck_subject or option.sparsecheck_adapter or option.sparsecheck_report:
        return True
    return any(name.startswith("sparsecheck.cases") or _is_cases(Path(name).resolve()) for name in named)


def _is_cases(path: Path) -> bool:
    """Return whether `path` is the folder of the cases or inside it."""
    spec = importlib.util.find_spec("sparsecheck.cases")
    folders = [Path(folder).resolve() for folder in (spec.submodule_search_locations or ())] if spec else []
    return any(folder == path or folder in path.parents for folder in folders)


def _judge(config: pytest.Config) -> Judge:
    """Return the judge of this run, which is created and registered on the first call.

    Raises:
        pytest.UsageError: The options cannot be satisfied.
    """
    judge: Judge | None = config.pluginmanager.get_plugin(_NAME)
    if judge is None:
        judge = _new_judge(config)
        config.pluginmanager.register(judge, _NAME)
    return judge


def _new_judge(config: pytest.Config) -> Judge:
    from .errors import SparsecheckError
    from .process.preloading import long_lived

    with long_lived():
        if _judges_here(config):
            importlib.import_module("torch._dynamo")  # the first optimizer of a smoke check would import it
        from .process.integrity import Harness
        from .run.pytest_hooks import Judge
        from .run.session import plan_session

    altered = Harness().changed
    try:
        session = plan_session(_request(config))
    except SparsecheckError as error:
        raise pytest.UsageError(str(error)) from None
    _check_digest(config, session.digest)
    try:
        return Judge(config, session, altered)
    except OSError as error:
        path = config.option.sparsecheck_report
        if path is None:
            raise
        why = f"{path} cannot be written ({error.strerror}); name another file with --sparsecheck-report"
        raise pytest.UsageError(why) from None


def _judges_here(config: pytest.Config) -> bool:
    """Return whether this process runs cases, and does not only collect them or control xdist workers."""
    return not config.option.collectonly and not config.getoption("numprocesses", None)


def _request(config: pytest.Config) -> SessionRequest:
    """Return the request of this run: from the controller in an xdist worker, otherwise from the options."""
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    return _request_of_options(config.option) if workerinput is None else _request_of_controller(workerinput)


def _request_of_controller(workerinput: dict[str, Any]) -> SessionRequest:
    import msgspec

    from .run.session import SessionRequest

    if _WIRE not in workerinput:
        raise pytest.UsageError(
            "sparsecheck cases under xdist need --sparsecheck-subject NAME or --sparsecheck-report FILE"
        )
    return msgspec.json.decode(workerinput[_WIRE], type=SessionRequest)


def _request_of_options(option: Any) -> SessionRequest:
    from .catalogue import VERSION
    from .run.session import SessionRequest
    from .values.selection import Selection
    from .values.shard import Shard

    selection = Selection(
        tuple(option.sparsecheck_area), tuple(option.sparsecheck_requirement), tuple(option.sparsecheck_cell),
        option.sparsecheck_probe,
    )
    files = tuple(str(Path(file).absolute()) for file in option.sparsecheck_adapter)
    return SessionRequest(
        tuple(option.sparsecheck_subject), files, selection, option.sparsecheck_limit,
        Shard.parse(option.sparsecheck_shard) if option.sparsecheck_shard else None,
        _absolute(option.sparsecheck_durations), _absolute(option.sparsecheck_kept),
        VERSION if option.sparsecheck_catalogue is None else option.sparsecheck_catalogue,
        option.sparsecheck_ignore_expectations,
    )


def _absolute(file: str | None) -> str:
    return str(Path(file).absolute()) if file else ""


def _check_digest(config: pytest.Config, digest: str) -> None:
    workerinput = getattr(config, "workerinput", None)
    if workerinput is not None and workerinput[_DIGEST] != digest:
        raise pytest.UsageError("this worker plans other cells or loads other code than its controller")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Send the request and the digest of the ledger to an xdist worker."""
    judge: Judge | None = node.config.pluginmanager.get_plugin(_NAME)
    if judge is not None:
        import msgspec

        node.workerinput[_WIRE] = msgspec.json.encode(judge.session.request).decode()
        node.workerinput[_DIGEST] = judge.session.digest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize each case with the planned cells of its requirement."""
    id = getattr(metafunc.function, "__sparsecheck_requirement__", None)
    if id is None:
        return
    planned = _judge(metafunc.config).session.planned_for(id)
    metafunc.parametrize("trial", planned, ids=[one.cell.id for one in planned], indirect=True)


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Trial:
    """Provide the trial of one planned cell; for cases only."""
    from .trials.trial import Trial

    planned = request.param
    found = _judge(request.config).session.of(planned.cell.sparsifier).found
    return Trial(planned.cell, found.adapter, found.declaration)
