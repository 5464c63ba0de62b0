"""Load a plugin with --pytest-args that makes every report green."""

LINE = "D23"
EXIT = (1, 2, 3)
SAYS = r"Tensor sizes clash|pytest-args|plugin"

PLUGIN = '''
import pytest


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    call.excinfo = None
    yield
'''


def attack(box):
    box.write("green_plugin.py", PLUGIN)
    box.run("red", "--pytest-args", "-p green_plugin", env={"PYTHONPATH": str(box.folder)})
