-- Sections 6 and 7.3: tables from 0 on, in the order of TABLES
local bytes_of = {}
TABLES:gsub("%x%x", function(pair) bytes_of[#bytes_of + 1] = tonumber(pair, 16) end)
local T = {}
for number = 0, #bytes_of / 256 - 1 do
  T[number] = {}
  for i = 0, 255 do T[number][i] = bytes_of[number * 256 + i + 1] end
end
local STEP, U0, U1, U2, CACHE = T[4], T[5], T[6], T[7], 8
local ADDED = { [0] = true, [1] = true, [3] = true, [7] = true, [9] = true, [10] = true }

local function joined(out)
  local parts = {}
  for i = 1, #out, 4096 do
    parts[#parts + 1] = string.char(table.unpack(out, i, math.min(i + 4095, #out)))
  end
  return table.concat(parts)
end

-- Plain bytes and the state behind them
local function decipher(raw, key)
  local out, k0, k1, k2, k3 = {}, key[1], key[2], key[3], key[4]
  for i = 1, #raw do
    local c, m = raw:byte(i), k2 % 4
    if m < 2 then
      out[i] = T[m][bxor(k1, c)]
    else
      out[i] = bxor(m == 2 and k0 or k3, T[m][c])
    end
    k0, k1 = (k0 + k1) % 256, bxor(k1, k3)
    k2 = (k2 + STEP[c]) % 256
    k3 = bxor(k3, k2)
    k1, k2, k3 = (k1 + 1) % 256, (k2 + 1) % 256, (k3 + 1) % 256
  end
  return joined(out), { k0, k1, k2, k3 }
end

local function all(a, b, ...)
  if not b then return a end
  return all(bxor(a, b), ...)
end

-- The role in a key block; nil where it does not check
local function role_of(block)
  local b = { block:byte(1, 16) }
  for i = 104, 0, -1 do
    local j = i % 16
    local q = i > 0 and b[(i - 1) % 16 + 1] or 0x57
    b[j + 1] = i % 5 == 0 and bxor(b[j + 1], q) or (b[j + 1] - q) % 256
  end
  local role = (b[10] - all(b[15], b[9], b[2])) % 256
  if b[5] == all(b[16], b[14], b[6], b[3])
    and all(b[13], b[11], b[8], b[7], b[4], b[1]) == (b[12] - math.floor(role / 128)) % 256 then
    return role
  end
end

local function unmasked(block)
  local mask, out = { 0xFF, 0xF0, 0x0F, 0x77, 0x77 }, { block:byte(1, 16) }
  for i = 1, 15 do out[i] = bxor(out[i], mask[(i - 1) % 5 + 1]) end
  return string.char(table.unpack(out))
end

-- States of the cipher: to the client, to the server
local function keys_of(block, role)
  local b = { block:byte(1, 16) }
  if role == 0x51 then
    return { (b[3] - 0x68) % 256, b[6], b[10], b[12] }, { (b[5] - 0x67) % 256, b[13], b[11], b[8] }
  end
  local down, up = 0x54, 0x55
  if role == 0x58 then down, up = -0x22, 0x7A end
  return { (b[8] + down) % 256, b[4], b[10], b[6] }, { (b[3] + up) % 256, b[9], b[14], b[7] }
end

local function udp_plain(raw)
  local a, n = { raw:byte(1, -1) }, #raw
  for i = 17 * n - 1, 1, -1 do
    local j, before = i % n + 1, a[(i - 1) % n + 1]
    a[j] = U2[bxor(U1[bxor(before, U0[(i - 1) % 256])], a[j])]
  end
  return joined(a)
end

-- Records of a peer cache; `key` is a list of 12 numbers that moves on
local function cache_plain(raw, key)
  local out = {}
  for i = 1, #raw do
    local c, j = raw:byte(i), (i - 1) % 12
    out[i] = ADDED[j] and (c - key[j + 1]) % 256 or bxor(c, key[j + 1])
    key[j + 1] = T[CACHE + j][c]
  end
  return joined(out)
end
