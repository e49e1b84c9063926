"""How people may call themselves: the rules that more than one service applies."""

import unicodedata

DISPLAY_NAME_MAX_CHARACTERS = 100
# Scripts that are written together within a word; others are mixed by who wants to be taken for somebody else (the level
# "highly restrictive" of Unicode TR 39, section 5.2). The words are those that the names of characters begin with.
WRITTEN_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)


def display_name_problem(name: str) -> str | None:
    """Returns what is wrong with a trimmed name, for people; None when nothing is."""
    if not name:
        return "Say how you want to be called; the name is empty."
    if len(name) > DISPLAY_NAME_MAX_CHARACTERS:
        return f"The name has {len(name)} characters; at most {DISPLAY_NAME_MAX_CHARACTERS} are possible. Shorten it."
    if not name.isprintable():
        return "The name holds a line break or another character that cannot be shown. Remove it."
    if any(mixes_scripts(word) for word in name.split()):
        return "The name mixes letters of different alphabets within a word, which others could be misled by. Type it anew."
    return None


def mixes_scripts(word: str) -> bool:
    """Tells whether a word has letters of scripts that nobody writes together, such as a Cyrillic one among Latin ones."""
    characters = unicodedata.normalize("NFKC", word)
    # Modifier letters, such as the Hawaiian okina, belong to no one script.
    letters = [character for character in characters if unicodedata.category(character) in ("Lu", "Ll", "Lt", "Lo")]
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in letters}
    return len(scripts) > 1 and not any(scripts <= together for together in WRITTEN_TOGETHER)
