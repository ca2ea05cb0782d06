"""Stands in for readline: the terminal's lines are the main interpreter's."""

backend = "readline"

_completer = None
_delimiters = " \t\n`~!@#$%^&*()-=+[{]}\\|;:'\",<>/?"


def _nothing(*args, **keywords):
    """Do nothing: there is no line to edit here."""


parse_and_bind = read_init_file = insert_text = redisplay = _nothing
read_history_file = write_history_file = append_history_file = _nothing
set_history_length = clear_history = add_history = set_auto_history = _nothing
remove_history_item = replace_history_item = set_startup_hook = set_pre_input_hook = _nothing
set_completion_display_matches_hook = _nothing


def get_line_buffer():
    return ""


def get_history_length():
    return -1


def get_current_history_length():
    return 0


def get_history_item(index):
    return None


def set_completer(function=None):
    global _completer
    _completer = function


def get_completer():
    return _completer


def get_completer_delims():
    return _delimiters


def set_completer_delims(string):
    global _delimiters
    _delimiters = string


def get_completion_type():
    return 0


def get_begidx():
    return 0


def get_endidx():
    return 0


def get_pre_input_hook():
    return None
