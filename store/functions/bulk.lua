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

-- The state of one number while a call plans what becomes of it. `tried`: channels that rows before would have blocked
-- (a dry run writes no details).
local function state_of(field, member, value, tried, header)
  if not value and not tried then return { field = field, member = member, fresh = true } end
  local records = unpack_details(value)
  for channel in pairs(tried or {}) do
    records[channel] = { blocked = true, source = header.source, since = 0, latest = 0 }
  end
  return { field = field, member = member, prior = value, records = records, changed = {}, newly = {} }
end

-- What rows before would have blocked of the numbers of a bucket: index -> channel -> true, or nil when nothing.
local function tried_before(keys, gates, args, bucket, header)
  local tried, any = {}, false
  for index, channel in ipairs(header.channels) do
    local known = redis.call('SMISMEMBER', keys[gates + index - 1], unpack(args, bucket.first, bucket.first + bucket.size - 1))
    for position, flag in ipairs(known) do
      if flag == 1 then
        tried[position] = tried[position] or {}
        tried[position][channel], any = true, true
      end
    end
  end
  return any and tried or nil
end

local function no_longer_fresh(state, header)
  local records, changed, newly = {}, {}, {}
  for _, channel in ipairs(header.channels) do
    records[channel] = { blocked = true, source = header.source, since = state.at, latest = state.at }
    changed[channel], newly[channel] = true, true
  end
  state.fresh, state.records, state.changed, state.newly = false, records, changed, newly
end

-- True when the person came back by a word of their own. A row that has no date of its own does not say that they
-- opted out after that, so it changes nothing.
local function came_back(state, header)
  for _, channel in ipairs(header.channels) do
    local record = state.records[channel]
    if record and not record.blocked and RANK[record.source] == RANK[KEYWORD] then return true end
  end
  return false
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
  if at == header.undated and came_back(state, header) then return 'stale', 0, false end
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

-- Rows of one details bucket as they stand in the arguments: packed rows, fields, heads of the details.
local function group_at(keys, key, args, argument, size)
  return { key = keys[key], packed = args[argument], first = argument + 1, size = size }
end

local function time_of(group, index)
  return (struct.unpack('>I6', group.packed, index * ROW - 5))
end

-- True when this import has changed a number before: a row further up in the file did.
local function changed_before(state, header)
  for _, record in pairs(state.records or {}) do
    local event = record.event
    if event and header.mine[event] == nil then
      header.mine[event] = redis.call('HEXISTS', header.entries, event) == 1
    end
    if event and header.mine[event] then return true end
  end
  return false
end

local function plan_states(group, args, values, header, outcomes, rows, tried, offset)
  local states, state = {}, nil
  for index = 1, group.size do
    local field = args[group.first + index - 1]
    local repeated = state and state.field == field
    if not repeated then
      state = state_of(field, group.members[index], values[index], tried and tried[offset + index], header)
      states[#states + 1] = state
      state.again = changed_before(state, header)
    end
    local outcome, newly, touched = plan_row(state, header, time_of(group, index))
    if touched then
      local rest = string.sub(group.packed, index * ROW - ROW + 2, index * ROW)
      rows[#rows + 1] = journal_row(CODE[outcome], newly, rest, not repeated and state.prior)
    end
    outcomes[#outcomes + 1] = (repeated or state.again) and outcome ~= 'opted_out' and 'duplicate' or outcome
  end
  return states
end

-- True when no number of a group is known here, and none comes twice: nearly always. Then its rows go into the journal
-- and its details into the hash as they came, which makes an import several times faster.
local function all_new(group, args, values)
  for index = 1, group.size do
    local place = group.first + index - 1
    if values[index] or (index > 1 and args[place] == args[place - 1]) then return false end
  end
  return true
end

local function opting_out(outcomes, size)
  for _ = 1, size do outcomes[#outcomes + 1] = 'opted_out' end
  return outcomes
end

-- Notes the numbers of some rows of a bucket as seen; says of those that were before that they are duplicates.
local function note_seen(seen_key, args, bucket, header, outcomes, rows)
  if #rows == 0 then return end
  local members = {}
  for position, index in ipairs(rows) do members[position] = args[bucket.first + index - 1] end
  for position, known in ipairs(redis.call('SMISMEMBER', seen_key, unpack(members))) do
    -- A row that opts out is no duplicate (another channel).
    local index = rows[position]
    if known == 1 and outcomes[index] ~= 'opted_out' then outcomes[index] = 'duplicate' end
  end
  if redis.call('SADD', seen_key, unpack(members)) == #members then redis.call('PEXPIRE', seen_key, header.kept) end
end

-- What an import answers for rows of one gate bucket. Numbers that were in the file before are duplicates: what it has
-- changed is known by its details (plan_states), so that only the others have to be remembered; a dry run changes none.
local function answer_bucket(seen_key, args, bucket, header, outcomes)
  if header.dry then outcomes = outcomes or opting_out({}, bucket.size) end
  if not outcomes then return string.rep(ANSWER.opted_out, bucket.size) end
  local rows = {}
  for index, outcome in ipairs(outcomes) do
    if header.dry or outcome ~= 'opted_out' then rows[#rows + 1] = index end
  end
  note_seen(seen_key, args, bucket, header, outcomes, rows)
  for index, outcome in ipairs(outcomes) do outcomes[index] = ANSWER[outcome] end
  return table.concat(outcomes)
end

local function members_of(group, args, bucket, offset)
  local members = {}
  for index = 1, group.size do members[index] = args[bucket.first + offset + index - 1] end
  return members
end

-- Plans the rows of one gate bucket, a details bucket after the other. Rows of one number are neighbours, in the order of
-- the file. Returns the bucket, and an outcome for each row unless all of them opt out.
local function plan_bucket(keys, gates, key, args, argument, sizes, header, rows)
  local bucket, offset, outcomes = { first = argument, size = 0, groups = {} }, 0, nil
  for _, size in ipairs(sizes) do bucket.size = bucket.size + size end
  local tried = header.dry and tried_before(keys, gates, args, bucket, header)
  argument = argument + bucket.size
  for index, size in ipairs(sizes) do
    local group = group_at(keys, key + index - 1, args, argument, size)
    local values = redis.call('HMGET', group.key, unpack(args, group.first, group.first + size - 1))
    if not tried and all_new(group, args, values) then
      rows[#rows + 1] = group.packed
      if outcomes then opting_out(outcomes, size) end
    else
      outcomes = outcomes or opting_out({}, offset)
      group.members = members_of(group, args, bucket, offset)
      group.states = plan_states(group, args, values, header, outcomes, rows, tried, offset)
    end
    bucket.groups[index] = group
    argument, offset = argument + 1 + 2 * size, offset + size
  end
  bucket.new = not outcomes
  return bucket, outcomes, argument
end

local function fresh_value(header, at, event)
  return pack_record(header.mask, { blocked = true, source = header.source, since = at, latest = at, event = event })
end

-- The last bytes of short details that an entry writes (see the head of the first part), unless it needs the long form.
local function short_tail(event)
  local ms, seq = event_parts(event)
  local after = ms - EPOCH_2020
  return seq == 0 and after >= 0 and after < MOST_SHORT and struct.pack('>I5', after)
end

local function write_new(group, args, header, event)
  local values, tail, heads = {}, header.tail, group.first + group.size - 1
  for index = 1, group.size do
    local head = args[heads + index]
    values[2 * index - 1] = args[group.first + index - 1]
    values[2 * index] = tail and head ~= '' and head .. tail or fresh_value(header, time_of(group, index), event)
  end
  redis.call('HSET', group.key, unpack(values))
end

-- Writes the details that have changed.
local function write_states(group, header, event)
  for _, state in ipairs(group.states) do
    if state.fresh then
      redis.call('HSET', group.key, state.field, fresh_value(header, state.at, event))
    elseif next(state.changed) then
      for channel in pairs(state.changed) do state.records[channel].event = event end
      redis.call('HSET', group.key, state.field, pack_details(state.records))
    end
  end
end

-- Who a bucket newly blocks: for each channel the members.
local function newly_blocked(args, bucket, header)
  local newly, offset = {}, 0
  for index in ipairs(header.channels) do newly[index] = {} end
  for _, group in ipairs(bucket.groups) do
    for _, state in ipairs(group.states or {}) do
      for index, channel in ipairs(header.channels) do
        if state.fresh or state.newly[channel] then newly[index][#newly[index] + 1] = state.member end
      end
    end
    for _, member in ipairs(group.states and {} or members_of(group, args, bucket, offset)) do
      for index in ipairs(header.channels) do newly[index][#newly[index] + 1] = member end
    end
    offset = offset + group.size
  end
  return newly
end

-- Puts who is newly blocked into the gate indexes, or what stands for them in a dry run. Returns how many, by channel.
local function block(keys, gates, args, bucket, header)
  local added, last = {}, bucket.first + bucket.size - 1
  local newly = not bucket.new and newly_blocked(args, bucket, header)
  for index, channel in ipairs(header.channels) do
    local gate = keys[gates + index - 1]
    if not newly then
      added[channel] = redis.call('SADD', gate, unpack(args, bucket.first, last))
    elseif #newly[index] > 0 then
      added[channel] = redis.call('SADD', gate, unpack(newly[index]))
    end
    if header.dry and added[channel] then redis.call('PEXPIRE', gate, header.kept) end
  end
  return added
end

local function write_bucket(args, bucket, header, event)
  for _, group in ipairs(bucket.groups) do
    if group.states then write_states(group, header, event) else write_new(group, args, header, event) end
  end
end

local function write_import(keys, args, buckets, rows, header)
  local event = journal(keys, 4, {
    kind = 'import', scope = header.scope, channels = table.concat(header.channels, ','),
    source = tostring(header.source), batch = header.batch, rows = table.concat(rows),
  }, #keys)
  header.tail = short_tail(event)
  local grown = {}
  for index, bucket in ipairs(buckets) do
    write_bucket(args, bucket, header, event)
    local added = block(keys, 6 + (index - 1) * (#header.channels + 1), args, bucket, header)
    for channel, count in pairs(added) do grown[channel] = (grown[channel] or 0) + count end
  end
  for channel, count in pairs(grown) do count_members(keys, 3, header.scope, channel, count) end
  redis.call('HSET', keys[2], event, '')
end

------------------------------------------------------------------------------------------------------------
-- sg_import: opt-outs of one shard from a file
--   KEYS     mark, batch index, members, journal, counters; per gate bucket: a gate index for each channel, seen
--            numbers; then details buckets; then the figures of the day, when the import is counted; last, who is behind
--   ARGV     JSON {scope, channels, source, batch, block, part, kept, dry, undated, gates}: gates has for each gate
--            bucket the number of rows of each of its details buckets. Then for each gate bucket its members, and for
--            each of its details buckets its packed rows (one argument), its fields, and the first five bytes of the
--            details that each row writes when its number is new here ("" when they need the long form).
--            dry: change nothing, only answer; the gate indexes are then sets of the dry run that stand for them.
--            undated: the time of the rows that have none of their own, or 0
--   returns  one byte for each row, its outcome code; and how often somebody has asked about one number
-- A part that was applied before answers what it answered then, and changes nothing (the answer may have been lost).

redis.register_function('sg_import', function(keys, args)
  local header = cjson.decode(args[1])
  local mark = redis.call('HMGET', keys[1], 'block', header.part)
  if mark[1] ~= header.block then
    redis.call('DEL', keys[1])
    redis.call('HSET', keys[1], 'block', header.block)
    redis.call('PEXPIRE', keys[1], header.kept)
  elseif mark[2] then
    return { mark[2], asked }
  end
  header.newly, header.mask, header.entries, header.mine = 0, 0, keys[2], {}
  for _, channel in ipairs(header.channels) do
    header.newly, header.mask = header.newly + NEWLY[channel], header.mask + CHANNEL_BIT[channel]
  end
  local width, details, argument = #header.channels + 1, 6, 2
  details = details + #header.gates * width
  local rows, buckets, answers = {}, {}, {}
  for index, sizes in ipairs(header.gates) do
    local gates = 6 + (index - 1) * width
    local bucket, outcomes, after = plan_bucket(keys, gates, details, args, argument, sizes, header, rows)
    answers[index] = answer_bucket(keys[5 + index * width], args, bucket, header, outcomes)
    if header.dry then block(keys, gates, args, bucket, header) end
    buckets[index], details, argument = bucket, details + #sizes, after
  end
  if #rows > 0 and not header.dry then write_import(keys, args, buckets, rows, header) end
  local answer = table.concat(answers)
  redis.call('HINCRBY', keys[5], 'import_rows', #answer)
  if header.days and not header.dry then
    local _, newly = string.gsub(answer, ANSWER.opted_out, '')
    if newly > 0 then count_day(keys, header, 'opt_out:' .. header.source, newly) end
  end
  redis.call('HSET', keys[1], header.part, answer)
  return { answer, asked }
end)

------------------------------------------------------------------------------------------------------------
-- sg_undo: takes back one journal entry of an import: what it newly blocked and nothing has changed since
--   KEYS     batch index, members, journal; then per row: gate text, gate voice, details; last, who is behind
--   ARGV     JSON {scope, source, batch, entry, at, dry}; then per row: member, details field, the journal's row.
--            dry: change nothing, only answer
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
    -- Numbers of one shard may have the same member, in different buckets; key and field are one number's alone.
    local number = keys[4 + 3 * index + 2] .. '/' .. args[3 * index + 3]
    local state = undo_row(keys, header, 4 + 3 * index, member, args[3 * index + 3], row, known[number])
    known[number] = state
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
  if header.dry then return cjson.encode({ lifted = lifted, kept = kept }) end
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

------------------------------------------------------------------------------------------------------------
-- sg_hold: the right to work on an import or a broadcast, for one worker at a time
--   KEYS     its record
--   ARGV     JSON {token, now, till}: who asks, the time, until when it is theirs (milliseconds since 1970)
--   returns  1, or 0 when it is somebody else's still

redis.register_function('sg_hold', function(keys, args)
  local asked = cjson.decode(args[1])
  local holder, till = unpack(redis.call('HMGET', keys[1], 'holder', 'till'))
  if not redis.call('HGET', keys[1], 'account') then return 0 end
  if holder and holder ~= '' and holder ~= asked.token and tonumber(till) > asked.now then return 0 end
  redis.call('HSET', keys[1], 'holder', asked.token, 'till', string.format('%.0f', asked.till))
  return 1
end)

------------------------------------------------------------------------------------------------------------
-- sg_note: changes fields of a record, if it is as the caller thinks it is
--   KEYS     the record
--   ARGV     JSON {expect, set}: expect: field -> values it may have ("" for none); set: field -> new value
--   returns  1, or 0 when it is not; then nothing was changed

redis.register_function('sg_note', function(keys, args)
  local asked = cjson.decode(args[1])
  for field, values in pairs(asked.expect) do
    local value, fits = redis.call('HGET', keys[1], field) or '', false
    for _, one in ipairs(values) do fits = fits or one == value end
    if not fits then return 0 end
  end
  for field, value in pairs(asked.set) do redis.call('HSET', keys[1], field, value) end
  return 1
end)
