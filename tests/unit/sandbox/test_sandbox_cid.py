import pytest

from sandbox.bluesky.cid import blob_cid, encode, record_cid


def test_blob_ids_are_those_that_other_implementations_give() -> None:
    # `ipfs add --cid-version=1 --raw-leaves` of "hello world\n" and of nothing.
    assert blob_cid(b"hello world\n") == "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"
    assert blob_cid(b"") == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def test_empty_record_has_the_well_known_id() -> None:
    assert record_cid({}) == "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ({"b": 1, "a": -1, "aa": True}, "a3 61 61 20 61 62 01 62 61 61 f5"),
        (
            [None, False, 23, 24, 256, 65536, 2**32],
            "87 f6 f4 17 18 18 19 01 00 1a 00 01 00 00 1b 00 00 00 01 00 00 00 00",
        ),
        ({"$bytes": "aGk"}, "42 68 69"),
        ("é", "62 c3 a9"),
    ],
)
def test_records_are_encoded_canonically(value: object, encoded: str) -> None:
    assert encode(value) == bytes.fromhex(encoded)


def test_links_are_encoded_as_tagged_binary_ids() -> None:
    encoded = encode({"$link": blob_cid(b"")})
    assert encoded.startswith(bytes.fromhex("d8 2a 58 25 00 01 55 12 20"))
    assert len(encoded) == 4 + 37


def test_fractions_have_no_place_in_a_record() -> None:
    with pytest.raises(ValueError, match="float"):
        record_cid({"a": 1.5})
