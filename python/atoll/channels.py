"""The old name of :mod:`atoll.pep554`: the same module.

It stays for pickles and programs that have it, without a warning.
"""

import sys

from atoll import pep554

sys.modules[__name__] = pep554
