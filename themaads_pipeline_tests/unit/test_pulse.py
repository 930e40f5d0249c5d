"""What the ledger is told of each account while it is worked on."""

from themaads_pipeline.ledger.progress import AccountBeat
from themaads_pipeline.push.pulse import Pulse
from themaads_pipeline.push.turns import Wait


def test_an_account_that_was_taken_up_is_told_once() -> None:
    pulse = Pulse()
    first = pulse.news(working=[1], later={}, requests={}, steps={}, now=0)
    assert first == ([AccountBeat(customer_id=1, doing="working", progressed=True)], [])
    assert pulse.news(working=[1], later={}, requests={}, steps={}, now=5) == ([], [])


def test_what_was_settled_is_progress() -> None:
    pulse = Pulse()
    pulse.news(working=[1, 2], later={}, requests={}, steps={1: 1}, now=0)
    beats, _ = pulse.news(working=[1, 2], later={}, requests={}, steps={1: 2}, now=5)
    assert beats == [AccountBeat(customer_id=1, doing="working", progressed=True)]


def test_a_request_in_flight_is_a_wait_until_its_deadline_and_its_answer_is_progress() -> None:
    pulse = Pulse()
    request = Wait(reason="creating ads", until=130.0)
    pulse.news(working=[1], later={}, requests={}, steps={}, now=0)
    beats, _ = pulse.news(working=[1], later={}, requests={1: request}, steps={}, now=10)
    assert beats == [AccountBeat(customer_id=1, doing="creating ads", waits_s=120.0, progressed=False)]
    assert pulse.news(working=[1], later={}, requests={1: request}, steps={}, now=15) == ([], [])
    beats, _ = pulse.news(working=[1], later={}, requests={}, steps={}, now=20)
    assert beats == [AccountBeat(customer_id=1, doing="working", progressed=True)]


def test_an_account_that_was_put_off_waits_until_it_is_due_and_rests_when_it_is_done() -> None:
    pulse = Pulse()
    pulse.news(working=[1], later={}, requests={}, steps={}, now=0)
    wait = Wait(reason="QuotaError", until=60.0)
    beats, at_rest = pulse.news(working=[], later={1: wait}, requests={}, steps={}, now=10)
    assert (beats[0].doing, beats[0].waits_s, at_rest) == ("QuotaError", 50.0, [])
    assert pulse.news(working=[], later={}, requests={}, steps={}, now=70) == ([], [1])
    assert pulse.news(working=[], later={}, requests={}, steps={}, now=75) == ([], [])
