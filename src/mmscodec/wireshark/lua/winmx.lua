local LINKS = { [0x51] = "primary", [0x53] = "secondary", [0x58] = "chat" }
local winmx_fault = ProtoExpert.new("winmx.fault", "Not as the notes have it",
  expert.group.MALFORMED, expert.severity.WARN)
winmx_proto.experts = { winmx_fault }
local w = P.winmx
local first = #w
local talks, plans, tried = {}, {}, {}

function winmx_proto.init() talks, plans, tried = {}, {}, {} end

local function size_of(f, bytes, pos, seen)
  local left = #bytes - pos
  if f.z then return f.z, f.z end
  if f.k == "cstr" or f.k == "quoted" then
    local stop = bytes:find(f.k == "cstr" and "\0" or '"', pos + 1, true)
    if not stop then return end
    local size = stop - pos - 1
    local shown = f.k == "quoted" and f.e == 1 and bytes:sub(pos + size, pos + size) == " "
      and size > 0 and size - 1 or size
    return size + 1, shown
  end
  if f.k == "ansi" then
    return left, bytes:sub(-1) == "\0" and left > 0 and left - 1 or left
  end
  local size = f.c and seen[f.c] or left
  return size, size
end

local function is_there(f, seen, left)
  if f.y then
    if left > 0 then seen["has_" .. f.n] = 1 end
    return left > 0
  end
  if not f.w or f.k == "quoted" then return true end
  local value, wanted = seen[f.w] or 0, f.e or 0
  if f.x then return value ~= 0 and value ~= wanted end
  return value == wanted
end

-- Fields one after the other; the place behind them, nil where one is missing. Without a tree
-- nothing is shown
local function sequence(s, tvb, bytes, pos, tree)
  local seen = {}
  for _, f in ipairs(s) do
    if f.k == "array" then
      while pos < #bytes do
        local stop = sequence(f.i, tvb, bytes, pos)
        if not stop then
          tree:add_proto_expert_info(winmx_fault, f.n .. " are cut, " .. s.s)
          return
        end
        sequence(f.i, tvb, bytes, pos, tree:add(tvb(pos, stop - pos), f.d))
        pos = stop
      end
    elseif is_there(f, seen, #bytes - pos) then
      local size, shown = size_of(f, bytes, pos, seen)
      if not size or size > #bytes - pos then
        if tree then tree:add_proto_expert_info(winmx_fault, f.n .. " is cut, " .. s.s) end
        return
      end
      if f.k == "u8" or f.k == "u16" then seen[f.n] = le(bytes, pos + 1, size) end
      if tree and (shown > 0 or f.k ~= "bytes") then
        tree:add_packet_field(w[f.p], tvb(pos, shown), FAMILY[f.k] or ENC_LITTLE_ENDIAN)
      end
      pos = pos + size
    end
  end
  return pos
end

local GOES_ON = -2 -- the rest of a peer cache's list, in a segment of its own
W.cache[GOES_ON] = { n = "CacheList", s = "7.2", W.cache[0x38][2] }
local HEADS = { secondary = 4, chat = 4, cache = 17 }

-- One packet: `range` are its bytes as captured, `plain` the deciphered ones
local function show(root, range, plain, link, served, mid, pinfo)
  local s = W[link .. (served and ">" or "")]
  s = s and s[mid] or W[link][mid]
  local name = s and s.n or ("0x%04X"):format(mid)
  local tree = root:add(winmx_proto, range, "WinMX Peer Network, " .. name)
  local tvb = ByteArray.new(plain, true):tvb("WinMX deciphered")
  local head = HEADS[link] or 0
  tree:add(w[first], tvb(), name)
  tree:add(w[LINK], link):set_generated()
  if head == 4 then
    tree:add_le(w[TYPE], tvb(0, 2))
    tree:add_le(w[LENGTH], tvb(2, 2))
  end
  if s then
    sequence(s, tvb, plain, head, tree)
  elseif #plain > head then
    tree:add(w[REST], tvb(head))
  end
  pinfo.cols.protocol = "WinMX"
  pinfo.cols.info:append(" " .. name)
end

local function is_text(bytes) return #bytes >= 16 and not bytes:find("[^\t\r\n -~]") end

local function is_request(bytes)
  bytes = bytes:gsub("^1", "")
  return bytes:find("^GET[^ ]") or bytes:find("^SEND[^ ]")
end

-- What the first bytes of both sides say: link, states to client and server
local function recognised(client, server)
  if is_request(client) and (server:sub(1, 1) == "1" or client:sub(1, 1) == "1") then
    return "transfer"
  end
  local block = server:sub(2, 17)
  if #block < 16 or is_text(client) then return end
  local role = role_of(block)
  if server:sub(1, 1) == "8" then return role == 0x54 and "cache" or nil end
  if server:sub(1, 1) ~= "1" then return end
  if not LINKS[role] then
    block = unmasked(block)
    role = role_of(block)
  end
  if LINKS[role] then return LINKS[role], keys_of(block, role) end
end

-- The connection of a segment, once it is known to be WinMX; `left` bytes of handshakes to come
local function talk_of(pinfo, bytes)
  local number, src, dst = connection_of(pinfo), ends_of(pinfo)
  local talk = talks[number] or { heads = {} }
  talks[number] = talk
  if pinfo.visited then return end -- what was not ours then is not now
  if talk.link then return talk, src end
  local call = pinfo.number .. ":" .. #bytes -- a segment that is none of ours may come again
  if talk.foreign or talk.call == call then return end
  talk.call = call
  local before = talk.heads[src] or ""
  talk.heads[src] = (before .. bytes):sub(1, 17)
  for _, pair in ipairs({ { src, dst }, { dst, src } }) do
    local link, down, up = recognised(talk.heads[pair[1]] or "", talk.heads[pair[2]] or "")
    if link then
      talk.link, talk.server = link, pair[2]
      talk.greets = (talk.heads[pair[1]] or ""):sub(1, 1) == "1"
      talk[pair[1]] = { left = 16 - #(talk.heads[pair[1]] or ""), key = up }
      talk[pair[2]] = { left = 17 - #(talk.heads[pair[2]] or ""), key = down }
      talk[src].left = (src == pair[2] and 17 or 16) - #before
      talk[src].asked, talk[dst].asked = before ~= "", talk.heads[dst] ~= nil
      for _, side in ipairs(pair) do talk[side].left = math.max(talk[side].left, 0) end
      if link == "transfer" then talk[src].left, talk[dst].left = 0, 0 end
      return talk, src
    end
  end
  talk.foreign = #talk.heads[src] >= 17 and #(talk.heads[dst] or "") >= 17
end

-- Bytes of the enciphered packet at `at`, its plain bytes; or nil and how many are missing
local function next_packet(bytes, at, side, link)
  local head = link == "primary" and 17 or 4
  if #bytes - at < head then return nil, DESEGMENT_ONE_MORE_SEGMENT end
  local plain = decipher(bytes:sub(at + 1, at + head), side.key)
  local total = link == "primary" and plain:byte(16) + 17 or le(plain, 3, 2) + 4
  if #bytes - at < total then return nil, total - (#bytes - at) end
  plain, side.key = decipher(bytes:sub(at + 1, at + total), side.key)
  return total, plain
end

local function plan_frames(plan, bytes, at, side, link)
  while at < #bytes do
    local total, plain = next_packet(bytes, at, side, link)
    if not total then
      plan.offset, plan.more = at, plain
      return
    end
    local mid = link == "primary" and (plain:byte(18) or -1) or le(plain, 1, 2)
    plan[#plan + 1] = { at, total, plain, mid }
    at = at + total
  end
end

-- Records of a peer cache as they come: each segment shows those that it completes
local function plan_cache(plan, bytes, at, side)
  side.raw = (side.raw or "") .. bytes:sub(at + 1)
  side.done = side.done or 0
  if #side.raw < 12 then return end
  side.start = side.start or { side.raw:byte(1, 12) }
  local whole = math.min(math.floor((#side.raw - 12) / 12), 10) - side.done
  if whole < 1 then return end
  local from = 12 + 12 * side.done
  local plain = cache_plain(side.raw:sub(from + 1, from + 12 * whole), side.start)
  local begins = side.done == 0
  side.done = side.done + whole
  plain = string.rep("\0", 17) .. (begins and side.raw:sub(1, 12) or "") .. plain
  plan[1] = { at, #bytes - at, plain, begins and 0x38 or GOES_ON }
end

local function plan_transfer(plan, bytes, side, talk, served)
  local at = 0
  if not side.asked and bytes:byte(1) == 0x31 and not (served and talk.greets) then
    plan[1], at = { 0, 1, "1", 0x31 }, 1
  end
  while at < #bytes and not side.file do
    local rest, size, mid = bytes:sub(at + 1)
    if not served and not talk.verb then
      local verb, name = rest:match("^(%u+)([^\"]*\"[^\"]*\")")
      if not verb then
        plan.offset, plan.more = at, DESEGMENT_ONE_MORE_SEGMENT
        return
      end
      local tail = rest:match("^ %w+", #verb + #name + 1) or ""
      talk.verb = verb:sub(1, 1) == "G" and "GET" or "SEND"
      size, mid = #verb + #name + math.min(#tail, 13), talk.verb == "GET" and 0x47 or 0x53
      side.asked, side.file = true, talk.verb == "SEND"
    elseif served and talk.verb == "GET" then
      size, mid = #(rest:match("^%d+") or ""), 0x5A
      side.file = true
      if size == 0 then break end
      size = math.min(size, 10)
    else
      if #rest < 8 then
        plan.offset, plan.more = at, 8 - #rest
        return
      end
      size, mid = 8, 0x50
    end
    plan[#plan + 1] = { at, size, rest:sub(1, size), mid }
    at = at + size
  end
  side.asked = true
end

local function planned(bytes, side, talk, served)
  local plan, at = { link = talk.link, served = served }, math.min(side.left, #bytes)
  side.left = side.left - at
  plan.block = at >= 16 and at - 16
  if side.broken or lost() then
    side.broken = talk.link ~= "transfer"
    plan.broken = side.broken
  end
  if plan.broken or talk.link == "cache" and not served then return plan end
  if talk.link == "cache" then
    plan_cache(plan, bytes, at, side)
  elseif talk.link == "transfer" then
    plan_transfer(plan, bytes, side, talk, served)
  else
    plan_frames(plan, bytes, at, side, talk.link)
  end
  return plan
end

local function connection(tvb, pinfo, root)
  local bytes = tvb:raw()
  local call = pinfo.number .. ":" .. bytes
  local plan = plans[call]
  if not plan then
    local talk, src = talk_of(pinfo, bytes)
    if not talk then return 0 end
    plan = planned(bytes, talk[src], talk, src == talk.server)
    plans[call] = plan
  end
  pinfo.conversation = winmx_proto
  pinfo.cols.info = ""
  if plan.block then
    local tree = root:add(winmx_proto, tvb(plan.block, 16), "WinMX Peer Network, KeyBlock")
    tree:add(w[W.key[1].p], tvb(plan.block, 16))
    pinfo.cols.protocol = "WinMX"
    pinfo.cols.info:append(" KeyBlock")
  end
  if plan.broken then
    root:add(winmx_proto, tvb()):add_proto_expert_info(winmx_fault,
      "bytes are missing before: cannot be deciphered any more, 6.3")
  end
  for _, one in ipairs(plan) do
    show(root, tvb(one[1], one[2]), one[3], plan.link, plan.served, one[4], pinfo)
  end
  if plan.more then
    pinfo.desegment_offset, pinfo.desegment_len = plan.offset, plan.more
  end
  return #bytes
end

local function is_advertisement(plain)
  local _, stop = plain:find("^[^%z\1-\31]+%z[^%z]*%z", 20)
  return plain:byte(5) == 0x47 and stop == #plain and le(plain, 10, 4) < 2 ^ 20
    and le(plain, 14, 4) < 2 ^ 20
end

local function datagram(tvb, pinfo, root)
  local bytes = tvb:raw()
  local src, dst = ends_of(pinfo)
  local key = src .. ">" .. dst
  local times = tried[key] ~= true and (tried[key] or 0) + 1
  if not times or not pinfo.visited and times <= 2 or src:find(":6257$") or dst:find(":6257$") then
    if #bytes < 6 or #bytes > 512 and tried[key] ~= true then return 0 end
    local plain = udp_plain(bytes)
    if tried[key] == true or is_advertisement(plain) then
      tried[key] = true
      show(root, tvb(), plain, "udp", false, plain:byte(5), pinfo)
      return #bytes
    end
  end
  if tried[key] ~= true and not pinfo.visited then tried[key] = times end
  return 0
end

function winmx_proto.dissector(tvb, pinfo, root)
  return (pinfo.port_type == 2 and connection or datagram)(tvb, pinfo, root)
end

winmx_proto:register_heuristic("tcp", function(tvb, pinfo, root)
  return connection(tvb, pinfo, root) > 0
end)
winmx_proto:register_heuristic("udp", function(tvb, pinfo, root)
  return datagram(tvb, pinfo, root) > 0
end)
DissectorTable.get("tcp.port"):add(6699, winmx_proto)
