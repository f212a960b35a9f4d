"""What is promised of sessions and examples, sentence by sentence, and the tests that hold it.

A sentence without a test, or with one that is gone, fails here.
"""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
EDGES, STUTTER = "sessions/test_edges.py", "sessions/test_stutter.py"
KINDS, PEERS = "sessions/test_kinds.py", "peer/test_hostile_peers.py"

SENTENCES: dict[str, list[tuple[str, str]]] = {
    "fragments of another incarnation are not media": [
        (EDGES, "test_fragments_of_another_incarnation_are_no_media"),
    ],
    "equal LocationIds of different incarnations are not merged; conflicts forbid complete": [
        (EDGES, "test_conflicts_are_said_and_forbid_complete"),
        (EDGES, "test_copies_that_are_the_same_are_duplicates"),
    ],
    "loss at the end is counted also for players that send frame_offset 0x00FFFFFF": [
        (EDGES, "test_losses_at_the_end_are_counted_whatever_third_party_players_send"),
        (EDGES, "test_a_client_that_asked_for_less_lost_nothing_at_the_end"),
    ],
    "segments lost just before a FIN are missing": [
        ("capture/test_lost_at_the_end.py", "test_what_was_lost_before_a_fin_is_missing"),
    ],
    "loss before the first arrival is counted": [
        (EDGES, "test_packets_lost_before_the_first_arrival_are_counted"),
        (EDGES, "test_more_than_256_packets_lost_before_the_first_are_counted_by_their_place"),
    ],
    "a confirmed start without media is an end reason, and extract is not status 0": [
        (EDGES, "test_total_loss_is_an_end_reason_and_extract_fails"),
        (EDGES, "test_nothing_came_is_not_said_where_the_capture_would_not_show_it"),
        (EDGES, "test_a_file_without_media_is_not_status_0"),
    ],
    "not played needs a captured start": [(EDGES, "test_not_played_needs_a_captured_start")],
    "states, seeks and pauses hold when Stop and Start are sent without waiting": [
        (KINDS, "test_facts_and_files_are_those_of_the_session"),
        (KINDS, "test_media_packets_come_while_the_server_streams"),
    ],
    "redirected_to and reconnect_of hold when the new connection opens before the old one ends": [
        (EDGES, "test_many_redirects_and_reconnects_are_all_joined"),
        (EDGES, "test_a_redirect_to_another_host_is_not_joined"),
    ],
    "a viewer who stops inside a Data packet is no damage": [
        (EDGES, "test_a_viewer_who_stops_inside_a_data_packet_is_no_damage"),
        (EDGES, "test_a_server_that_stops_inside_a_data_packet_is"),
    ],
    "a replayed capture is a second session, or said": [
        (EDGES, "test_a_replayed_capture_is_said"),
        (KINDS, "test_a_capture_that_was_replayed_says_so_or_is_a_second_session"),
    ],
    "pings that nobody answered": [(EDGES, "test_pings_that_nobody_answered_are_said")],
    "credentials that were never sent": [(EDGES, "test_credentials_that_were_never_sent_are_said")],
    "what exactly was refused": [(EDGES, "test_what_was_refused_is_said")],
    "resent apart from reordered": [(EDGES, "test_resent_packets_are_apart_from_reordered_ones")],
    "singular and plural": [(EDGES, "test_one_of_a_thing_is_singular")],
    "the longest gap between media packets, how many above a second, rate without them": [
        (STUTTER, "test_gaps_are_those_of_a_plain_loop"),
        (STUTTER, "test_a_stall_is_counted_and_a_pause_is_not"),
    ],
    "rows of zero in --rates": [
        (STUTTER, "test_steps_without_a_packet_have_a_row_of_zero"),
        (STUTTER, "test_a_source_that_falls_silent_has_rows_of_zero_up_to_the_end"),
        (STUTTER, "test_a_playback_of_which_nothing_came_has_rows_of_zero"),
        (STUTTER, "test_rows_go_on_from_one_entry_to_the_next"),
    ],
    "buffer level from send times against arrival: underruns, late packets, preroll reached": [
        (STUTTER, "test_the_buffer_is_that_of_a_player_packet_by_packet"),
        (STUTTER, "test_the_buffer_of_a_session"),
        (STUTTER, "test_a_preroll_that_is_never_reached_is_said"),
    ],
    "first keyframe": [(STUTTER, "test_the_first_key_frame_is_found")],
    "retransmissions and out-of-order segments": [
        (STUTTER, "test_lost_segments_show_in_the_network_line"),
    ],
    "zero windows and round-trip time": [
        (STUTTER, "test_round_trips_and_windows_of_0_are_those_of_the_capture"),
        (STUTTER, "test_the_handshake_is_measured"),
    ],
    "who ended it and after which message; abandoned at x s": [
        (EDGES, "test_who_ended_it_and_after_which_message"),
        (EDGES, "test_who_closed_first_ended_it_whoever_has_the_last_word"),
    ],
    "the client's own log beside the measured values": [
        (EDGES, "test_the_clients_log_stands_beside_what_was_measured"),
        ("sessions/test_media.py", "test_the_clients_own_log_stands_beside_what_was_measured"),
    ],
    "UDP tried, refused and rolled over to TCP as one story": [
        (EDGES, "test_udp_refused_and_rolled_over_to_tcp_is_one_story"),
        (EDGES, "test_udp_given_up_for_another_connection_is_one_story"),
    ],
    "bytes of a flow that nothing interpreted, in partial and in the exit status": [
        (EDGES, "test_bytes_that_nothing_interpreted_are_in_partial_and_in_the_status"),
        (EDGES, "test_unread_bytes_are_those_of_a_plain_walk"),
    ],
    "a client that asks for UDP port 70000 disturbs nobody": [
        (PEERS, "test_a_udp_port_that_there_is_not_is_refused_and_disturbs_nobody"),
    ],
    "ended sessions keep no file": [
        (PEERS, "test_ended_sessions_keep_nothing_and_running_ones_share_their_file"),
        (PEERS, "test_hundreds_of_sessions_cost_the_memory_of_one_file"),
    ],
    "position 0 is the first packet": [
        (PEERS, "test_position_0_is_the_first_packet_however_many_are_sent_at_0"),
    ],
    "the client does not wait for ever for a silent server": [
        (PEERS, "test_a_server_that_falls_silent_at_any_step_is_given_up"),
        (PEERS, "test_a_server_that_floods_is_given_up"),
    ],
    "names of 30,000 characters": [(PEERS, "test_names_of_any_length_and_letters_are_answered")],
    "writes to dead sockets": [
        (PEERS, "test_connections_that_are_reset_in_the_middle_of_anything_disturb_nobody"),
    ],
    "replies that nobody drains": [
        (PEERS, "test_a_client_that_does_not_read_is_not_read_and_then_closed"),
    ],
    "datagrams over 65,507 bytes": [
        (PEERS, "test_a_socket_of_all_survives_a_datagram_that_cannot_be_sent"),
    ],
}


def functions(file):
    tree = ast.parse((TESTS / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_has_tests_that_are_there(sentence):
    assert SENTENCES[sentence]
    for file, name in SENTENCES[sentence]:
        assert name in functions(file), f"{file} has no {name}"
