"""`make run` when a build fails: the lists of the published release are exported again all the same."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest
from rich.console import Console

from pipeline.base.errors import UserError
from pipeline.orchestration import local_run


@pytest.fixture
def make_run(make_settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[str]]]:
    """Run with DAGs that do nothing, but for those that fail; return the DAGs that were run, in their order."""

    def run_with(*, published: bool, failing: dict[str, str]) -> list[list[str]]:
        asked: list[list[str]] = []

        def dag_runner(_: Console) -> Callable[[list[str]], None]:
            def run_dags(dag_ids: list[str]) -> None:
                asked.append(dag_ids)
                for dag_id in dag_ids:
                    if dag_id in failing:
                        raise UserError(failing[dag_id])

            return run_dags

        monkeypatch.setattr(local_run, "dag_runner", dag_runner)
        monkeypatch.setattr(local_run, "use_airflow", lambda _: None)
        monkeypatch.setattr("pipeline.build.owner.published", lambda _: {"release_id": "a"} if published else None)
        monkeypatch.setattr("pipeline.outputs.summary.print_summary", lambda *_, **__: None)
        monkeypatch.setattr("pipeline.build.owner.undone_release", lambda _: None)
        with pytest.raises(UserError) if failing else nullcontext():
            local_run.build(make_settings(), Console(), extract=False)
        return asked

    return run_with


def test_lists_follow_a_build(make_run):
    assert make_run(published=True, failing={}) == [["build_customers"], ["export_campaign_lists"]]


def test_lists_are_exported_again_where_the_gate_stops_the_build(make_run):
    asked = make_run(published=True, failing={"build_customers": "the gate stopped the build"})
    assert asked == [["build_customers"], ["export_campaign_lists"]]


def test_nothing_is_exported_before_the_first_release(make_run):
    assert make_run(published=False, failing={"build_customers": "no file"}) == [["build_customers"]]


def test_when_build_and_export_fail_the_build_is_reported(make_run, capsys):
    failing = {"build_customers": "the gate stopped the build", "export_campaign_lists": "a load of consents is held"}
    assert make_run(published=True, failing=failing) == [["build_customers"], ["export_campaign_lists"]]
    assert "a load of consents is held" in capsys.readouterr().out
