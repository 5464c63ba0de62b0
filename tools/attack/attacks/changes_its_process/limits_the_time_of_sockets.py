"""Set the default time limit of sockets."""

import socket

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "F1"
EXIT = 1
SLOW = True
JUDGED = "--requirement MASK-19"
SAYS = r"time limit of sockets"


class Limits(ExemplarAdapter):
    def attach(self, model, plan, context):
        socket.setdefaulttimeout(5.0)
        return super().attach(model, plan, context)
