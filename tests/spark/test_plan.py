"""The simulation of `examples/plan_cluster.py`: what must hold whatever the numbers are."""

import pytest

from examples.plan_cluster import Cluster, Measured, Simulation, Work, main, plan, tasks

CALM = Cluster(hosts=4, cores=2, stragglers=0, mtbf=0, speculate=False)


def run(cluster, scan, join, seed=1):
    simulation = Simulation(cluster, scan, join, seed)
    out = simulation.run()
    assert simulation.stages[1].complete
    return out


def test_eight_cores_take_a_third_of_the_time_for_24_tasks_in_three_turns():
    out = run(CALM, [10.0] * 24, [1.0] * 8)
    assert 0.9 * 31 <= out.seconds <= 1.1 * 31
    assert out.attempts == 32
    assert out.in_vain == 0


def test_no_join_begins_before_all_is_scanned():
    out = run(CALM, [1.0] * 7 + [50.0], [1.0])
    assert out.scanned >= 45
    assert out.seconds >= out.scanned + 0.9


def test_one_large_flow_is_as_long_as_it_is_whatever_the_number_of_hosts():
    many = Cluster(hosts=100, cores=2, stragglers=0, mtbf=0)
    out = run(many, [1.0], [1.0] * 50 + [100.0])
    assert out.seconds >= 90


def test_the_same_seed_is_the_same_run_and_another_one_is_another():
    rough = Cluster(hosts=4, cores=2, stragglers=0.2, mtbf=0.05, back=20)
    one, same, other = (run(rough, [10.0] * 200, [5.0] * 40, seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_stragglers_cost_time_and_second_attempts_win_most_of_it_back():
    scan, join = [10.0] * 80, [10.0] * 80
    calm = run(CALM, scan, join)
    slow = Cluster(hosts=4, cores=2, stragglers=0.05, slow=20, mtbf=0, speculate=False)
    rescued = Cluster(hosts=4, cores=2, stragglers=0.05, slow=20, mtbf=0, speculate=True)
    without, with_copies = run(slow, scan, join), run(rescued, scan, join)
    assert without.seconds > 1.2 * calm.seconds
    assert with_copies.seconds < without.seconds
    assert with_copies.in_vain > 0
    assert with_copies.attempts > 160


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("speculate", [True, False])
def test_lost_hosts_lose_no_task(seed, shared, speculate):
    rough = Cluster(hosts=3, cores=2, stragglers=0.1, mtbf=0.02, back=15, shared=shared,
                    speculate=speculate)  # fmt: skip
    out = run(rough, [5.0] * 60, [5.0] * 60, seed)
    assert out.lost_hosts > 0
    assert out.in_vain > 0
    assert (out.scanned_again > 0) is not shared


def test_work_is_the_same_for_any_number_of_hosts():
    work, measured = Work(petabytes=0.001, largest=0), Measured(begin=0)
    for hosts in (1, 7):
        scan, join = tasks(work, Cluster(hosts=hosts), measured)
        each = measured.look + work.share * measured.take
        assert sum(scan) == pytest.approx(1000 * each)
        assert sum(join) == pytest.approx(100 * measured.spooled * measured.join)


def test_a_plan_is_printed_with_its_options(capsys):
    assert main(["--petabytes", "0.01", "--hosts", "10", "--mtbf", "0", "--seed", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = plan(Work(petabytes=0.01), Cluster(hosts=10, mtbf=0), Measured(), seed=3)
    assert lines == [f"{name:18} {text}" for name, text in names.items()]
    assert "2,500 scans, 640 joins" in lines[0]
    assert " 0 hosts lost" in lines[7]
