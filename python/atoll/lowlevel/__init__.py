"""The id-based modules below the convenient ones.

They have the functions of CPython 3.14's private ``_interpreters``, so that code written against
those runs on atoll, and on CPython 3.12 and 3.13 too.
"""
