"""Whoever keeps us waiting gives way to a new guest; whoever waits for us does not."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from wavstream.process.admission import Admission


@dataclass(eq=False)
class Visitor:
    owing_since: float | None = None
    was_cut: bool = False

    def cut(self) -> None:
        self.was_cut = True


def test_when_all_places_are_taken_whoever_owes_longest_goes() -> None:
    admission = Admission[Visitor](3)
    early, late, waiting, new = Visitor(1.0), Visitor(2.0), Visitor(None), Visitor(3.0)
    for number, guest in enumerate((late, early, waiting)):
        assert admission.enter(str(number), guest)
    assert admission.enter("3", new)
    assert [guest.was_cut for guest in (early, late, waiting, new)] == [True, False, False, False]
    assert len(admission) == 3


def test_nobody_who_waits_for_an_answer_goes() -> None:
    admission = Admission[Visitor](2)
    for number in range(2):
        assert admission.enter(str(number), Visitor())
    assert not admission.enter("2", Visitor())
    assert len(admission) == 2


def test_one_address_takes_its_share_and_no_more() -> None:
    """4 places, 2 of them for one address: its third guest takes the place of its first."""
    admission = Admission[Visitor](4, most_of_one=2)
    other = Visitor(0.0)
    assert admission.enter("other", other)
    guests = [Visitor(float(number)) for number in range(3)]
    assert all(admission.enter("greedy", guest) for guest in guests)
    assert [guest.was_cut for guest in guests] == [True, False, False]
    assert not other.was_cut
    assert len(admission) == 3


def test_a_place_is_given_back_once() -> None:
    admission = Admission[Visitor](1)
    guest = Visitor()
    assert admission.enter("a", guest)
    admission.leave(guest)
    admission.leave(guest)
    assert len(admission) == 0
    assert admission.enter("a", Visitor())


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.floats(0, 9), st.booleans())))
def test_there_are_never_more_guests_than_places(visits: list[tuple[str, float | None, bool]]) -> None:
    admission = Admission[Visitor](5, most_of_one=3)
    inside: list[tuple[str, Visitor]] = []
    for address, owing_since, leaves in visits:
        guest = Visitor(owing_since)
        if admission.enter(address, guest):
            inside.append((address, guest))
        if leaves and inside:
            admission.leave(inside.pop(0)[1])
        inside = [(each, guest) for each, guest in inside if not guest.was_cut]
        assert set(admission) == {guest for _, guest in inside}
        assert len(admission) == len(inside) <= 5
        assert all(sum(each == one for each, _ in inside) <= 3 for one in "abc")
