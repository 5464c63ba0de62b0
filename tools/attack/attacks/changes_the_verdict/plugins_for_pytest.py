"""Set PYTEST_PLUGINS to a plugin that makes every report green."""

LINE = "F1"
EXIT = 1
SAYS = r"Tensor sizes clash"

PLUGIN = '''
import pytest


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    call.excinfo = None
    yield
'''


def attack(box):
    box.write("green_plugin.py", PLUGIN)
    box.run("red", env={"PYTEST_PLUGINS": "green_plugin", "PYTHONPATH": str(box.folder)})
