"""What a person who writes a platform file is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog import Catalogue, CatalogueError, load_catalogue

Example = Callable[..., Catalogue]


def test_a_sound_file_becomes_a_platform_named_after_it(example: Example) -> None:
    catalogue = example()
    assert list(catalogue.platforms) == ["example"]
    assert [slot.key for slot in catalogue.slots()] == ["example.avatar"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "max_bytes = { value = 700_000,",
            'max_bytes = { value = "many",',
            r"^example\.toml: slots\.avatar\.facts\.max_bytes\.value: .*valid integer; correct the value$",
        ),
        (
            "max_bytes = { value = 700_000,",
            "max_bytes = { value = 0,",
            r"^example\.toml: slots\.avatar\.facts\.max_bytes\.value: .*greater than 0; correct the value$",
        ),
        (
            "max_bytes =",
            "max_byte =",
            r"slots\.avatar\.facts\.max_bytes: Field required; add this key(.|\n)*"
            r"slots\.avatar\.facts\.max_byte: .*; remove this key or correct its spelling",
        ),
        (
            'mask = { value = "circle", source = "docs", confidence = "D" }',
            'mask = "circle"',
            r"slots\.avatar\.facts\.mask: .*; correct the value",
        ),
        (
            'mask = { value = "circle", source = "docs",',
            'mask = { value = "circle",',
            r"slots\.avatar\.facts\.mask\.source: Field required; add this key",
        ),
        (
            'mask = { value = "circle", source = "docs",',
            'mask = { value = "circle", source = "hearsay",',
            r"example\.toml: no \[sources\.hearsay\]; add it with title and checked, or correct the name",
        ),
        (
            "[sources.docs]",
            '[sources.spare]\ntitle = "Spare"\nchecked = 2026-11-01\n\n[sources.docs]',
            r"\[sources\.spare\] supports nothing; remove it",
        ),
        ('confidence = "D"', 'confidence = "A"', r"\.confidence: .*; correct the value"),
        ("checked = 2026-11-01", 'checked = "lately"', r"sources\.docs\.checked: .*; correct the value"),
        (
            'mode = { value = "write"',
            'mode = { value = "assisted"',
            r"slots\.avatar: an assisted slot needs \[assist\]",
        ),
        ("height = 200", "height = 260", r"safe zone 'middle' reaches outside 400 × 300"),
        (
            "settle_seconds =",
            'min_size = { value = [500, 100], source = "docs", confidence = "D" }\nsettle_seconds =',
            r"size 400 × 300 is below min_size",
        ),
        (
            '[slots.avatar]\nscopes = ["write"]',
            '[slots.avatar]\nscopes = ["admin"]',
            r"slots\.avatar\.scopes: \['admin'\] not in the platform's scopes; add them there",
        ),
        ("takes_instance = false", "takes_instance = true", r"profile_settings_url holds \{instance\} exactly if"),
        ("[slots.avatar]", "[slots.wallpaper]", r"slots\.wallpaper\.\[key\]: .*; correct the value"),
        ('homepage = "https://', 'homepage = "http://', r"homepage: .*; correct the value"),
        ('name = "Example"', "name = Example", r"example\.toml: not readable as TOML: .*line 2.*; correct that line"),
    ],
)
def test_a_mistake_is_reported_with_file_key_and_remedy(example: Example, old: str, new: str, message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        example(old, new)


def test_all_mistakes_of_a_file_are_reported_at_once(example: Example) -> None:
    with pytest.raises(CatalogueError) as caught:
        example('homepage = "https://example.test"', 'home = "https://example.test"')
    assert str(caught.value).splitlines() == [
        "example.toml: homepage: Field required; add this key",
        "example.toml: home: Extra inputs are not permitted; remove this key or correct its spelling",
    ]


def test_a_folder_without_platform_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"no platform file \(\*\.toml\)"):
        load_catalogue(tmp_path)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="not a folder"):
        load_catalogue(tmp_path / "nowhere")
