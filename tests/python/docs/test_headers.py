"""Every public name of namespace libatoll has its short form in `struct atoll`."""

import re
from collections import Counter
from pathlib import Path

INCLUDE = Path(__file__).parents[3] / "include" / "atoll"

TYPE = re.compile(r"(?:class|struct|enum class) (\w+)(?: :| \{|;|<|$)")
ALIAS = re.compile(r"using (\w+) =")
CONSTANT = re.compile(r"inline constexpr .*?(\w+) =")
FUNCTION = re.compile(r"(?:\[\[nodiscard\]\] |inline |constexpr )*[\w:<>,]+(?: |[&*] )(\w+)\(")


def public_names(text: str) -> Counter[str]:
    """What a header declares in the namespace itself; functions once per overload."""
    # clang-format names the end of a namespace, but not of the shortest.
    text = re.sub(r"namespace detail \{\n(?:\w.*;\n)*\}\n", "", text)
    text = re.sub(r"(?s)namespace detail \{.*?\}  // namespace detail", "", text)
    text = re.sub(r"//.*", "", text)
    names: Counter[str] = Counter()
    inside = False
    for line in text.splitlines():
        if line.startswith("namespace libatoll {"):
            inside = True
        elif inside and re.match(r"\w|\[", line) and not line.startswith(("template", "friend")):
            for kind in TYPE, ALIAS, CONSTANT:
                if match := kind.match(line):
                    names[match[1]] = 1
                    break
            else:
                if match := FUNCTION.match(line):
                    names[match[1]] += 1
    return names


def test_every_name_has_its_short_form() -> None:
    umbrella = (INCLUDE / "atoll.hpp").read_text()
    short = umbrella[umbrella.index("struct atoll {") :]
    names: Counter[str] = Counter()
    for header in INCLUDE.rglob("*.hpp"):
        if header.parent.name != "detail" and header.name != "atoll.hpp":
            names |= public_names(header.read_text()) - names
    assert {"Converter", "Gil", "List", "select", "to_string", "unbounded", "version"} <= set(names)
    missing = [
        name
        for name, count in names.items()
        if len(re.findall(rf"libatoll::{name}\b(?!\(\)\.)", short)) < count
    ]
    assert not missing


def test_what_is_found_in_a_header() -> None:
    text = """
namespace libatoll {
class Value;
namespace detail {
struct Access;
}
/// A function f().
[[nodiscard]] std::string f(const Value& value);
[[nodiscard]] std::string_view f(int number) noexcept;
template <class T>
class Typed {
  void member();
};
class Value::Iterator {
};
inline Value::Iterator Value::begin() const {
}
inline constexpr std::size_t limit = 3;
namespace detail {
struct Cast {
};
int cast(int number) {
}
}  // namespace detail
using Items = std::vector<Value>;
}  // namespace libatoll
"""
    assert public_names(text) == {"Value": 1, "f": 2, "Typed": 1, "limit": 1, "Items": 1}
