from copy import deepcopy

from lockstep_cli.diff import read_diff
from lockstep_cli.revision import parse_revision
from tests.unit.cli.manifests import revision


def _diff(change):
    before = revision("aaaa1111", 1, role="stable")
    after = deepcopy(before)
    change(after["spec"])
    return read_diff(parse_revision(before), parse_revision(after))


def test_the_same_has_no_differences():
    assert _diff(lambda spec: None) == []


def test_images_and_digests_count():
    def change(spec):
        spec["podTemplate"]["spec"]["containers"][0]["image"] = "lockstep/runtime:2"
        del spec["observed"]

    assert _diff(change) == [
        {
            "path": "images.model",
            "before": "lockstep/runtime:1",
            "after": "lockstep/runtime:2",
        },
        {"path": "observed.digest", "before": "sha256:" + "01" * 32, "after": None},
    ]


def test_items_of_a_list_go_by_their_name():
    def change(spec):
        variables = [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]
        spec["content"]["runtime"] = {"env": variables, "resources": {"limits": {"cpu": 1}}}

    paths = [row["path"] for row in _diff(change)]
    assert paths == [
        "content.runtime.env[B].name",
        "content.runtime.env[B].value",
        "content.runtime.env[A].name",
        "content.runtime.env[A].value",
        "content.runtime.resources.limits.cpu",
    ]
