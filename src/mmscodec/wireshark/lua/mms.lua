local SESSION, SEAL, RESENT, MOST = 0xB00BFACE, 0x20534D4D, 0xBEEFF00D, 16 * 1024 * 1024
local NEAR = 4096 -- LocationIds of two Data packets that prove each other
local mms_fault = ProtoExpert.new("mmsc.fault", "Not as [MS-MMSP] has it",
  expert.group.MALFORMED, expert.severity.WARN)
local mms_skipped = ProtoExpert.new("mmsc.skipped", "Bytes that no packet covers",
  expert.group.SEQUENCE, expert.severity.WARN)
mms_proto.experts = { mms_fault, mms_skipped }
local mms_sides, mms_calls, funnels, others = {}, {}, {}, {}

function mms_proto.init() mms_sides, mms_calls, funnels = {}, {}, {} end

-- UTF-16 that ends as the schema says, as (place, size) of each string
local function strings(bytes, nul)
  local out, start, size = {}, 1, #bytes - #bytes % 2
  if nul == "counted" then
    while size >= 2 and bytes:sub(size - 1, size) == "\0\0" do size = size - 2 end
    return { { 0, size } }
  end
  if nul == "" then return { { 0, size } } end
  for i = 1, size + 1, 2 do
    if i > size or bytes:sub(i, i + 1) == "\0\0" then
      local word = bytes:sub(start, i - 1):gsub("%z", "")
      if #out == 0 or word:find("^HOST: ") or word:find("^VIA: ") then
        out[#out + 1] = { start - 1, i - start }
      end
      start = i + 2
      if nul == "first" or start > size or #out == 3 then break end
    end
  end
  return out
end

local function variable(tree, made, f, tvb, at, size)
  if f.k == "utf16" then
    if size == 0 then return end
    for _, part in ipairs(strings(tvb:raw(at, size), f.t or "")) do
      tree:add_packet_field(made[f.p], tvb(at + part[1], part[2]), FAMILY.utf16)
    end
  elseif f.k == "array" then
    local step = f.i and f.i.z or 4
    for from = at, at + size - step, step do
      put(tree, made, f, tvb, from, step)
    end
  elseif size > 0 then
    tree:add_packet_field(made[f.p], tvb(at, size), ENC_NA)
  end
end

local function structure(s, tvb, at, size, tree)
  local seen, pos, made = {}, math.min(at + s.z, at + size), P.mmsc
  for i, f in ipairs(s) do
    if f.z then
      if f.o + f.z <= size and not (f.l and seen.chunk_len < f.l) then
        seen[f.n] = put(tree, made, f, tvb, at + f.o, f.z)
      end
    else
      local start = f.b and math.min(at + s.z + seen[f.b], at + size) or pos
      local room = at + size - start
      if f.c then
        room = math.min(seen[f.c] * f.u, room)
      else -- a field with a place of its own ends one that has no length
        for j = i + 1, #s do
          if s[j].b and seen[s[j].c] > 0 then room = math.min(room, seen[s[j].b]) end
        end
      end
      variable(tree, made, f, tvb, start, room)
      pos = start + room
    end
  end
end

-- This dissector for a port that another one has: that one gets what is none of ours
local function claim(name, port)
  local known = DissectorTable.get(name)
  if not others[name .. port] then
    others[name .. port] = known:get_dissector(port) or true
    known:add(port, mms_proto)
  end
end

local function remember_funnel(tvb, at, size, pinfo)
  local text = tvb:raw(at, size):gsub("%z", "")
  local port = text:match("\\UDP\\(%d+)")
  if port and tonumber(port) < 65536 then
    funnels[tostring(pinfo.src) .. ":" .. tonumber(port)] = true
    claim("udp.port", tonumber(port))
  end
end

local function message(tvb, at, size, tree, pinfo)
  local mid = tvb(at + 4, 4):le_uint()
  local s = M[mid]
  local name = s and s.n or ("0x%08X"):format(mid)
  local inner = tree:add(P.mmsc[#P.mmsc], tvb(at, size), name)
  if not s or size < s.m then
    inner:add_proto_expert_info(mms_fault, s and "shorter than its fixed part, " .. s.s or "unknown MID")
  else
    inner:append_text(", " .. s.s)
    structure(s, tvb, at, size, inner)
    if mid == 0x00030002 then remember_funnel(tvb, at + s.z, size - s.z, pinfo) end
  end
  return name, mid
end

local function packet(tvb, at, total, pinfo, root, side)
  local tree = root:add(mms_proto, tvb(at, total))
  structure(HEADER, tvb, at, HEADER.z, tree)
  local pos, stop, names = at + HEADER.z, at + total, {}
  while pos < stop do
    local size = stop - pos >= 8 and tvb(pos, 4):le_uint() * 8 or 0
    if size == 0 or size > stop - pos then
      tree:add_proto_expert_info(mms_fault, "chunkLen is 0 or leads out of the packet, 2.2.4")
      break
    end
    local name, mid = message(tvb, pos, size, tree, pinfo)
    names[#names + 1] = name
    side.client = side.client or math.floor(mid / 65536) == 3
    pos = pos + size
  end
  return table.concat(names, ", ")
end

local function data(tvb, at, total, root)
  local tree = root:add(mms_proto, tvb(at, total), "Microsoft Media Server, Data")
  tree:add(P.mmsc[#P.mmsc], tvb(at, total), "Data")
  structure(DATA, tvb, at, total, tree)
end

-- Data headers as LocationId, incarnation, size; nil for what can be none
local function data_head(bytes, at)
  local tag, size = bytes:byte(at + 5), le(bytes, at + 7, 2)
  if tag ~= 0 and size > 8 then return { le(bytes, at + 1, 4), tag, size } end
end

local function linked(a, b)
  return a and b and a[2] == b[2] and a[1] ~= b[1] and math.abs(a[1] - b[1]) <= NEAR
end

-- Bytes of the signed packet at `at`; 0 for none; nil where more bytes must tell
local function signed(bytes, at)
  if #bytes - at < 8 or le(bytes, at + 5, 4) ~= SESSION then return 0 end
  if #bytes - at < 16 then return nil end
  local length = le(bytes, at + 9, 4)
  if le(bytes, at + 13, 4) ~= SEAL or length < 16 or length % 8 ~= 0 or length + 16 > MOST then
    return 0
  end
  return length + 16
end

-- Where a header stands that needs no border in front of it
local function search(bytes, at, side)
  for i = at, #bytes - 8 do
    if signed(bytes, i) ~= 0 then return i end
    local head = not side.client and data_head(bytes, i)
    if head and linked(side.last, head) then
      local behind = i + head[3]
      if #bytes - behind < 8 or signed(bytes, behind) ~= 0
        or linked(head, data_head(bytes, behind)) then return i end
    end
  end
  return #bytes
end

local function side_of(pinfo, bytes)
  local key = connection_of(pinfo) .. ">" .. ends_of(pinfo)
  local call = pinfo.number .. ":" .. #bytes .. ":" .. bytes:sub(1, 32)
  if mms_calls[call] then return mms_calls[call] end
  local side = mms_sides[key] or {}
  mms_sides[key] = side
  if lost() then side.synced = false end
  mms_calls[call] = { client = side.client, synced = side.synced, last = side.last }
  return side
end

local function more(pinfo, at, count, size)
  pinfo.desegment_offset, pinfo.desegment_len = at, count
  return size
end

local function tcp(tvb, pinfo, root)
  local bytes, names, count, at = tvb:raw(), {}, 0, 0
  local side = side_of(pinfo, bytes)
  while at < #bytes do
    if not side.synced then
      local found = search(bytes, at, side)
      if found > at then
        root:add(mms_proto, tvb(at, found - at)):add_proto_expert_info(mms_skipped)
      end
      at, side.synced = found, found < #bytes
      if found == #bytes then break end
    end
    local total = #bytes - at >= 8 and signed(bytes, at)
    if not total then return more(pinfo, at, DESEGMENT_ONE_MORE_SEGMENT, #bytes) end
    local head = total == 0 and not side.client and data_head(bytes, at)
    if total == 0 and not head then
      side.synced = false
      root:add(mms_proto, tvb(at, 1)):add_proto_expert_info(mms_fault, "no packet begins here, 3.1.5.2")
      at = at + 1
    else
      total = head and head[3] or total
      if #bytes - at < total then return more(pinfo, at, total - (#bytes - at), #bytes) end
      if head then
        data(tvb, at, total, root)
        side.last, count = head, count + 1
      else
        names[#names + 1] = packet(tvb, at, total, pinfo, root, side)
      end
      at = at + total
    end
  end
  if count > 0 then names[#names + 1] = "Data x " .. count end
  pinfo.cols.protocol, pinfo.cols.info = "MMS", table.concat(names, ", ")
  return #bytes
end

local function is_resend(bytes)
  return #bytes >= 12 and le(bytes, 1, 4) == RESENT and #bytes >= 12 + 4 * le(bytes, 11, 2)
end

local function udp(tvb, pinfo, root)
  local bytes = tvb:raw()
  local head = #bytes >= 9 and data_head(bytes, 0)
  local fits = head and head[3] == #bytes
  local known = funnels[tostring(pinfo.dst) .. ":" .. pinfo.dst_port] or pinfo.src_port == 1755
  if is_resend(bytes) then
    local tree = root:add(mms_proto, tvb())
    tree:add(P.mmsc[#P.mmsc], tvb(), RESEND.n)
    structure(RESEND, tvb, 0, #bytes, tree)
    pinfo.cols.info = RESEND.n
  elseif known and head and head[3] <= #bytes
    or fits and math.floor(head[1] / 2) == 0xF0F0F000 / 2 and head[2] == 255 then
    data(tvb, 0, head[3], root)
    pinfo.cols.info = "Data"
  else
    return 0
  end
  pinfo.cols.protocol = "MMS"
  return #bytes
end

local function given_back(tvb, pinfo, root, name)
  for _, port in ipairs({ pinfo.dst_port, pinfo.src_port }) do
    local other = others[name .. port]
    if other and other ~= true and port ~= 1755 then return other:call(tvb, pinfo, root) end
  end
  return 0
end

function mms_proto.dissector(tvb, pinfo, root)
  if pinfo.port_type == 2 then return tcp(tvb, pinfo, root) end
  local used = udp(tvb, pinfo, root)
  return used > 0 and used or given_back(tvb, pinfo, root, "udp.port")
end

mms_proto:register_heuristic("tcp", function(tvb, pinfo, root)
  local bytes = tvb:raw()
  local seal = bytes:find("MMS ", 13, true)
  if not seal or signed(bytes, seal - 13) == 0 then return false end
  pinfo.conversation = mms_proto
  tcp(tvb, pinfo, root)
  return true
end)
mms_proto:register_heuristic("udp", function(tvb, pinfo, root) return udp(tvb, pinfo, root) > 0 end)
claim("tcp.port", 1755)
claim("udp.port", 1755)
