"""Put a sitecustomize.py on the import path that replaces a comparison when it is imported."""

LINE = "F1"
EXIT = 1
SAYS = r"Tensor sizes clash"
COLD = True

SITE = '''
import sys

sys.dont_write_bytecode = True
import warnings
warnings.simplefilter("error", DeprecationWarning)
'''


def attack(box):
    box.write("site/sitecustomize.py", SITE)
    box.run("red", env={"PYTHONPATH": str(box.folder / "site")})
