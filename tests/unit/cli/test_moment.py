import pytest

from lockstep_cli.moment import format_span, format_time, parse_time, whole_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (0.2, "0s"),
        (45, "45s"),
        (60, "1m"),
        (192, "3m12s"),
        (7500, "2h5m"),
        (7205, "2h"),
        (349200, "4d1h"),
    ],
)
def test_spans(seconds, text):
    assert format_span(seconds) == text


def test_times_go_there_and_back():
    moment = parse_time("2026-03-01T12:00:00.123456Z")
    assert moment is not None
    assert format_time(moment) == "2026-03-01T12:00:00.123456Z"
    assert whole_seconds("2026-03-01T12:00:00.123456Z") == "2026-03-01T12:00:00Z"
    assert whole_seconds(None) == "-"
    assert parse_time(None) is None


def test_a_time_that_is_none_is_no_error():
    assert parse_time("yesterday") is None
    assert whole_seconds("2016-12-31T23:59:60Z") == "-"


def test_a_time_without_a_zone_is_utc():
    assert whole_seconds("2026-03-01T12:00:00") == "2026-03-01T12:00:00Z"
