from sandbox.x.oauth1 import signature


def test_signature_is_that_of_the_example_in_rfc_5849() -> None:
    parameters = [
        ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
        ("oauth_token", "nnch734d00sl2jdk"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131202"),
        ("oauth_nonce", "chapoH"),
        ("file", "vacation.jpg"),
        ("size", "original"),
    ]
    signed = signature("GET", "http://photos.example.net/photos", parameters, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00")
    assert signed == "MdpQcU8iPSUjWoN/UDMsK2sui9I="


def test_default_port_and_case_of_the_host_do_not_count() -> None:
    plain = signature("GET", "http://example.com/a", [], "secret", "")
    assert signature("get", "http://EXAMPLE.com:80/a", [], "secret", "") == plain
    assert signature("get", "http://example.com:8080/a", [], "secret", "") != plain


def test_parameters_are_sorted_after_they_are_escaped() -> None:
    assert signature("GET", "http://a.test/", [("b", "1"), ("a", "å")], "s", "") == signature(
        "GET", "http://a.test/", [("a", "å"), ("b", "1")], "s", ""
    )
