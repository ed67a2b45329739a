--[[
Second part: many changes of one shard in one step. A call holds a few hundred rows, so that it takes a millisecond
or two and the gate is answered between two of them.

A packed row, in the arguments and in the journal (store/journal.py reads and writes the same):
  byte 0      bits 0-3 outcome code, bit 4 text newly blocked, bit 5 voice newly blocked (for an undo: lifted),
              bit 6 the details as they were before follow; in an argument: what it is for a number that is new here
  6 bytes     the number without "+" and without its last two digits (those are the shard)
  4 bytes     the row of the file it came from
  6 bytes     when it happened, milliseconds since 1970
  [the details before: 1 byte length, then the value]
--]]

local CODE = { opted_out = 1, strengthened = 2, refreshed = 3, already = 4, stronger_kept = 5, stale = 6, undone = 8 }
-- The same codes as sg_import answers them (the library's own text runs without Lua's string functions).
local ANSWER = { opted_out = '\1', strengthened = '\2', refreshed = '\3', already = '\4', stronger_kept = '\5',
                 stale = '\6', duplicate = '\7' }
local NEWLY = { text = 16, voice = 32 }
local HAS_PRIOR = 64

local function count_members(keys, position, scope, channel, change)
  if change ~= 0 then redis.call('HINCRBY', keys[position], channel .. ':' .. scope, change) end
end

-- `rest` is a packed row without its first byte.
local function journal_row(code, newly, rest, prior)
  if not prior then return string.char(code + newly) .. rest end
  return string.char(code + newly + HAS_PRIOR) .. rest .. string.char(#prior) .. prior
end

-- The state of one number while a call plans what becomes of it.
local function state_of(field, member, value)
  if not value then return { field = field, member = member, fresh = true } end
  return { field = field, member = member, prior = value, records = unpack_details(value), changed = {}, newly = {} }
end

local function no_longer_fresh(state, header)
  local records, changed, newly = {}, {}, {}
  for _, channel in ipairs(header.channels) do
    records[channel] = { blocked = true, source = header.source, since = state.at, latest = state.at }
    changed[channel], newly[channel] = true, true
  end
  state.fresh, state.records, state.changed, state.newly = false, records, changed, newly
end

-- What one row does to its number; the channels it changes are noted in the state.
local function plan_row(state, header, at)
  if state.fresh then
    if not state.at then
      state.at = at
      return 'opted_out', header.newly, true
    end
    no_longer_fresh(state, header)
  end
  local strongest, newly, touched = nil, 0, false
  for _, channel in ipairs(header.channels) do
    local new, outcome = opt_out(state.records[channel], { at = at, source = header.source })
    if new then
      touched = true
      state.records[channel] = new
      state.changed[channel] = true
      if outcome == 'opted_out' then
        newly = newly + NEWLY[channel]
        state.newly[channel] = true
      end
    end
    if not strongest or WEIGHT[outcome] > WEIGHT[strongest] then strongest = outcome end
  end
  return strongest, newly, touched
end

local ROW = 17

local function parse_group(packed)
  local group = { fields = {}, members = {}, times = {}, repeats = false }
  for index = 1, #packed / ROW do
    local number, _, at = struct.unpack('>I6I4I6', packed, index * ROW - ROW + 2)
    local member = (number - number % 100) / 100
    group.repeats = group.repeats or member == group.members[index - 1]
    group.fields[index], group.members[index], group.times[index] = (number - number % 1000) / 1000, member, at
  end
  return group
end

local function plan_states(group, packed, values, header, outcomes, rows)
  local states, state = {}, nil
  for index, member in ipairs(group.members) do
    local repeated = state and state.member == member
    if not repeated then
      state = state_of(group.fields[index], member, values[index])
      states[#states + 1] = state
    end
    local outcome, newly, touched = plan_row(state, header, group.times[index])
    if touched then
      local rest = string.sub(packed, index * ROW - ROW + 2, index * ROW)
      rows[#rows + 1] = journal_row(CODE[outcome], newly, rest, not repeated and state.prior)
    end
    outcomes[#outcomes + 1] = repeated and outcome ~= 'opted_out' and 'duplicate' or outcome
  end
  return states
end

-- Plans the rows of one details bucket. Rows of one number are neighbours, in the order of the file. Nearly always all
-- of them are new here: then the rows go into the journal as they came, which makes an import several times faster.
local function plan_group(key, packed, header, outcomes, rows, members)
  local group = parse_group(packed)
  group.key = key
  local values = redis.call('HMGET', key, unpack(group.fields))
  local fresh = not group.repeats
  for index, member in ipairs(group.members) do
    members[#members + 1] = member
    fresh = fresh and not values[index]
  end
  if fresh then
    rows[#rows + 1] = packed
    for _ = 1, #group.members do outcomes[#outcomes + 1] = 'opted_out' end
  else
    group.states = plan_states(group, packed, values, header, outcomes, rows)
  end
  return group
end

-- What an import answers for rows of one gate bucket: numbers that were in the file before are duplicates.
local function answer_bucket(seen_key, header, members, outcomes, first)
  local seen = redis.call('SMISMEMBER', seen_key, unpack(members))
  if redis.call('SADD', seen_key, unpack(members)) == #members then redis.call('PEXPIRE', seen_key, header.kept) end
  for index, known in ipairs(seen) do
    local place = first + index - 1
    if known == 1 and outcomes[place] ~= 'opted_out' then outcomes[place] = 'duplicate' end
    outcomes[place] = ANSWER[outcomes[place]]
  end
end

local function fresh_value(header, at, event)
  local ms, seq = event_parts(event)
  local after = ms - EPOCH_2020
  if seq == 0 and at % 1000 == 0 and after < MOST_SHORT then
    return struct.pack('>BI4I5', 128 + 4 + header.source % 8 * 16 + header.mask, at / 1000, after)
  end
  return pack_record(header.mask, { blocked = true, source = header.source, since = at, latest = at, event = event })
end

-- Writes the details of one bucket; notes in `added` who joins the gate indexes.
local function write_fresh(group, header, event, added)
  local values = {}
  for index, field in ipairs(group.fields) do
    values[2 * index - 1], values[2 * index] = field, fresh_value(header, group.times[index], event)
    for channel = 1, #header.channels do added[channel][#added[channel] + 1] = group.members[index] end
  end
  redis.call('HSET', group.key, unpack(values))
end

local function write_states(group, header, event, added)
  for _, state in ipairs(group.states) do
    if state.fresh then
      redis.call('HSET', group.key, state.field, fresh_value(header, state.at, event))
      for channel = 1, #header.channels do added[channel][#added[channel] + 1] = state.member end
    elseif next(state.changed) then
      for channel in pairs(state.changed) do state.records[channel].event = event end
      redis.call('HSET', group.key, state.field, pack_details(state.records))
      for index, channel in ipairs(header.channels) do
        if state.newly[channel] then added[index][#added[index] + 1] = state.member end
      end
    end
  end
end

local function write_bucket(keys, header, groups, gates, event)
  local added = {}
  for index in ipairs(header.channels) do added[index] = {} end
  for _, group in ipairs(groups) do
    if group.states then write_states(group, header, event, added) else write_fresh(group, header, event, added) end
  end
  for index, channel in ipairs(header.channels) do
    if #added[index] > 0 then
      local grown = redis.call('SADD', keys[gates + index - 1], unpack(added[index]))
      header.grown[channel] = (header.grown[channel] or 0) + grown
    end
  end
end

------------------------------------------------------------------------------------------------------------
-- sg_import: opt-outs of one shard from a file
--   KEYS     mark, batch index, members, journal, counters; per gate bucket: a gate index for each channel, seen
--            numbers; then details buckets; then the figures of the day, when the import is counted; last, who is behind
--   ARGV     JSON {scope, channels, source, batch, block, part, kept, dry, gates}: gates says how many details buckets
--            each gate bucket has; then per details bucket its packed rows. dry: change nothing, only answer
--   returns  one byte for each row: its outcome code
-- A part that was applied before answers what it answered then, and changes nothing (the answer may have been lost).

redis.register_function('sg_import', function(keys, args)
  local header = cjson.decode(args[1])
  if redis.call('HGET', keys[1], 'block') ~= header.block then redis.call('DEL', keys[1]) end
  local answered = redis.call('HGET', keys[1], header.part)
  redis.call('HSET', keys[1], 'block', header.block)
  redis.call('PEXPIRE', keys[1], header.kept)
  if answered then return answered end
  header.newly, header.mask, header.grown = 0, 0, {}
  for _, channel in ipairs(header.channels) do
    header.newly, header.mask = header.newly + NEWLY[channel], header.mask + CHANNEL_BIT[channel]
  end
  local width = #header.channels + 1
  local details, argument = 6 + #header.gates * width, 2
  local outcomes, rows, buckets = {}, {}, {}
  for index, count in ipairs(header.gates) do
    local groups, members, first = {}, {}, #outcomes + 1
    for group = 1, count do
      groups[group] = plan_group(keys[details], args[argument], header, outcomes, rows, members)
      details, argument = details + 1, argument + 1
    end
    answer_bucket(keys[6 + index * width - 1], header, members, outcomes, first)
    buckets[index] = groups
  end
  if #rows > 0 and not header.dry then
    local event = journal(keys, 4, {
      kind = 'import', scope = header.scope, channels = table.concat(header.channels, ','),
      source = tostring(header.source), batch = header.batch, rows = table.concat(rows),
    }, #keys)
    for index, groups in ipairs(buckets) do write_bucket(keys, header, groups, 6 + (index - 1) * width, event) end
    for channel, grown in pairs(header.grown) do count_members(keys, 3, header.scope, channel, grown) end
    redis.call('HSET', keys[2], event, '')
  end
  redis.call('HINCRBY', keys[5], 'import_rows', #outcomes)
  if header.days and not header.dry then
    local _, newly = string.gsub(table.concat(outcomes), ANSWER.opted_out, '')
    if newly > 0 then count_day(keys, header, 'opt_out:' .. header.source, newly) end
  end
  local answer = table.concat(outcomes)
  redis.call('HSET', keys[1], header.part, answer)
  return answer
end)

------------------------------------------------------------------------------------------------------------
-- sg_undo: takes back one journal entry of an import: what it newly blocked and nothing has changed since
--   KEYS     batch index, members, journal; then per row: gate text, gate voice, details; last, who is behind
--   ARGV     JSON {scope, source, batch, entry, at}; then per row: member, details field, the journal's row
--   returns  JSON {lifted, kept}
-- A number goes back to what it was before the import, so that the corrected file is not older than the undo.

local function before(prior, channel, source)
  local was = unpack_details(prior)[channel]
  return was or { blocked = false, source = source, since = 0, latest = 0 }
end

-- `known`: the state of a row before it of the same number, whose records it shares.
local function undo_row(keys, header, position, member, field, row, known)
  local flags = string.byte(row)
  local records = known and known.records or unpack_details(redis.call('HGET', keys[position + 2], field))
  local prior = bit.band(flags, HAS_PRIOR) ~= 0 and string.sub(row, 19) or nil
  local lifted = {}
  for offset, channel in ipairs(CHANNELS) do
    local record = records[channel]
    local mine = record and record.blocked and (record.event == header.entry or redis.call('HEXISTS', keys[1], record.event) == 1)
    if bit.band(flags, NEWLY[channel]) ~= 0 and mine then
      records[channel] = before(prior, channel, header.source)
      lifted[channel] = keys[position + offset - 1]
    end
  end
  return { key = keys[position + 2], field = field, member = member, records = records, lifted = lifted, prior = prior }
end

redis.register_function('sg_undo', function(keys, args)
  local header = cjson.decode(args[1])
  local answered = redis.call('HGET', keys[1], header.entry)
  if answered and answered ~= '' then return answered end
  local rows, states, lifted, kept, known = {}, {}, 0, 0, {}
  for index = 0, (#args - 1) / 3 - 1 do
    local row = args[3 * index + 4]
    local member = args[3 * index + 2]
    local state = undo_row(keys, header, 4 + 3 * index, member, args[3 * index + 3], row, known[member])
    known[member] = state
    local newly = (state.lifted.text and NEWLY.text or 0) + (state.lifted.voice and NEWLY.voice or 0)
    if newly > 0 then
      lifted = lifted + 1
      states[#states + 1] = state
      local when = struct.pack('>I6', tonumber(header.at))
      rows[#rows + 1] = journal_row(CODE.undone, newly, string.sub(row, 2, 11) .. when, state.prior)
    elseif bit.band(string.byte(row), NEWLY.text + NEWLY.voice) ~= 0 then
      kept = kept + 1
    end
  end
  if lifted > 0 then
    local event = journal(keys, 3, {
      kind = 'undo', scope = header.scope, channels = 'text,voice', source = tostring(header.source),
      batch = header.batch, undoes = header.entry, detail = header.detail, rows = table.concat(rows),
    }, #keys)
    for _, state in ipairs(states) do
      for channel, gate in pairs(state.lifted) do
        state.records[channel].event = event
        count_members(keys, 2, header.scope, channel, -redis.call('SREM', gate, state.member))
      end
    end
    for _, state in ipairs(states) do redis.call('HSET', state.key, state.field, pack_details(state.records)) end
  end
  local answer = cjson.encode({ lifted = lifted, kept = kept })
  redis.call('HSET', keys[1], header.entry, answer)
  return answer
end)
