"""Garbage is looked for among what is new; in a process of its own, since it changes how the whole process does it."""

import subprocess
import sys

_PROGRAM = """
import gc, weakref
from gateway.garbage import look_among_new_objects

class Node: pass

look_among_new_objects()
assert gc.get_freeze_count() > 1000, "what is there stays out"
node = Node()
node.itself, gone = node, weakref.ref(node)
del node
gc.collect()
assert gone() is None, "what is new is found"
"""


def test_what_is_there_stays_out_and_what_comes_later_is_found() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
