"""Crash the interpreter in a case with a segmentation fault."""

import ctypes

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D23"
EXIT = 3
SAYS = r"SIGSEGV|ended before|crash"
BLAMES = "MASK-01"


class Crashes(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            ctypes.string_at(0)
        return super().attach(model, plan, context)
