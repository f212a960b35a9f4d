"""Views for the questions that people have."""

from __future__ import annotations

from dataclasses import dataclass

from mmscodec.schema.winmx import PACKETS


@dataclass(frozen=True)
class _View:
    """A question, and the query that answers it."""

    note: str
    query: str


_ELSEWHERE = {packet.name for packet in PACKETS if packet.link != "secondary"}
_SECONDARY = ", ".join(
    f"'{packet.name}'"
    for packet in PACKETS
    if packet.link == "secondary" and packet.name not in _ELSEWHERE
)

VIEWS = {
    "top_talkers": _View(
        "who sent how much to whom",
        """select client, server, protocol, sum(bytes)::bigint as bytes,
  (sum(bytes) filter (direction = 'S>C'))::bigint as to_client, sum(packets)::bigint as segments,
  min(first_time) as first_time, max(last_time) as last_time
from flows group by client, server, protocol order by bytes desc""",
    ),
    "start_up_times": _View(
        "seconds from the wish to play to the first media, slowest first",
        """select session, client, server, file_name, start, epoch_ns(start_up) / 1e9 as seconds
from sessions where start_up is not null order by seconds desc""",
    ),
    "slow_requests": _View(
        "requests by the milliseconds to their response",
        """select session, client, server, time, request_mid_name as request,
  response_mid_name as response, hr_name, epoch_ns(latency) / 1e6 as ms
from exchanges where latency is not null order by ms desc""",
    ),
    "losses": _View(
        "media that did not come, by session",
        """select session, client, server, transport, media_packets, lost, longest_loss, duplicates,
  reordered, resends_asked, resends_delivered, gaps, retransmissions,
  100.0 * lost / nullif(media_packets + lost, 0) as percent
from sessions order by lost desc, gaps desc""",
    ),
    "rule_violations": _View(
        "rules of the specification that rows break",
        """select client, server, table_name, code_name as rule, field_name as field,
  count(*) as rows, min(time) as first_time
from findings where severity_name = 'violation'
group by client, server, table_name, rule, field_name order by rows desc""",
    ),
    "player_versions": _View(
        "which players there are",
        """select player, player_version, count(*) as sessions, count(distinct client) as clients
from sessions group by player, player_version order by sessions desc""",
    ),
    "nodes_over_time": _View(
        "different nodes that each WinMX primary told, by minute",
        """select server, date_trunc('minute', time) as minute,
  count(distinct (ip, tcp_port)) as nodes, count(distinct packet) as lists
from nodes group by server, minute order by server, minute""",
    ),
    "silent_primaries": _View(
        "WinMX primaries that stopped to send lists, or never did",
        f"""with sent as (
  select flow, epoch_ns(time) as moment, type_name = 'NodeList' as is_list from winmx_packets
  where direction = 'S>C' and type_name in ({_SECONDARY})
), steps as (
  select flow, moment, moment - lag(moment) over (partition by flow order by moment) as step
  from sent where is_list
), told as (
  select flow, count(*) as lists, max(moment) as latest, median(step) as usual
  from steps group by flow
), heard as (select flow, min(moment) as earliest from sent group by flow),
ends as (
  select one.flow, one.client, one.server,
    greatest(epoch_ns(one.last_time), epoch_ns(other.last_time)) as moment
  from flows as one left join flows as other on one.peer = other.flow
)
select client, server, coalesce(lists, 0) as lists, make_timestamp_ns(latest) as last_list,
  (moment - coalesce(latest, earliest)) / 1e9 as silence, usual / 1e9 as usual_step
from heard join ends using (flow) left join told using (flow)
where lists is null or moment - latest > 3 * usual order by silence desc""",
    ),
}
