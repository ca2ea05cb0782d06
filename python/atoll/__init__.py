"""Many isolated Python interpreters in one process.

Each interpreter has its own GIL, its own modules and its own ``__main__``, so Python code runs on
all cores without processes::

    from atoll import interpreters

    interp = interpreters.create()
    interp.exec("print('hello from', __name__)")
    print(interp.call(pow, 2, 100))
    interp.close()

``atoll.interpreters`` has the API of the standard library's ``concurrent.interpreters`` (PEP 734)
on CPython 3.12 to 3.15. :func:`install` puts it in the place of the standard one.
"""

from atoll._install import install, installed, uninstall

__version__ = "0.1.0"

__all__ = ["__version__", "install", "installed", "uninstall"]
