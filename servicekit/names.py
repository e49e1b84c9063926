"""How people may call themselves: the one rule that more than one service applies."""

DISPLAY_NAME_MAX_CHARACTERS = 100


def display_name_problem(name: str) -> str | None:
    """Returns what is wrong with a trimmed name, for people; None when nothing is."""
    if not name:
        return "Say how you want to be called; the name is empty."
    if len(name) > DISPLAY_NAME_MAX_CHARACTERS:
        return f"The name has {len(name)} characters; at most {DISPLAY_NAME_MAX_CHARACTERS} are possible. Shorten it."
    if not name.isprintable():
        return "The name holds a line break or another character that cannot be shown. Remove it."
    return None
