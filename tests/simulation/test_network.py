"""Networks of nodes with faults and liars: nobody honest loses anything, and all end equal."""

from __future__ import annotations

import pytest

from simulation.checkers import check_equal, check_parts, check_store
from simulation.liar import WAYS
from simulation.network import SCOPES, Network
from simulation.seeds import each_seed

STEPS = 1_500


def survives(seed: int, liar: str | None = None) -> Network:
    """Faults, then healing: safety all the time, liveness at the end."""
    network = Network(seed, nodes=3 + seed % 3, liar=liar)
    for _ in range(5):
        network.run(STEPS // 5)
        for node in network.honest:
            check_store(node.store)
    network.heal()
    network.talk_once_more()
    stores = [node.store for node in network.honest]
    for store in stores:
        check_store(store, network.authored)
    check_equal(stores, SCOPES)
    check_parts(stores, SCOPES)
    held = set(stores[0].records)
    assert network.authored - network.at_risk <= held, (
        "a record that was acknowledged and kept is lost"
    )
    return network


def test_nodes_become_equal_after_faults() -> None:
    """Hard cases 33, 34, 60, 62, 64, 65; threats 4, 25, 33, 56, 58, 62, 65."""
    assert each_seed("test_nodes_become_equal_after_faults", survives, seconds=10, seeds_min=6) > 0


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_lying_peer_harms_nobody(way: str) -> None:
    """Hard case 68; threats 1, 3, 7, 13, 14."""
    ran = each_seed(
        f"test_a_lying_peer_harms_nobody[{way}]",
        lambda seed: survives(seed, way),
        seconds=2,
        seeds_min=2,
    )
    assert ran > 0


def test_the_same_seed_sends_the_same_frames() -> None:
    first, second = Network(5, nodes=4), Network(5, nodes=4)
    for network in (first, second):
        network.run(1_000)
    assert first.trace == second.trace
    assert first.counts == second.counts
    assert min(first.counts.values()) > 0


@pytest.mark.slow
def test_networks_survive_many_seeds() -> None:
    """Threat bar: hundreds of seeds, with and without a liar."""

    def run(seed: int) -> None:
        ways = [None, *sorted(WAYS)]
        survives(seed, ways[seed % len(ways)])

    assert each_seed("test_networks_survive_many_seeds", run, seconds=0, seeds_min=300) > 0
