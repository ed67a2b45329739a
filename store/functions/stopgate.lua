#!lua name=stopgate
--[[
The function library of Stopgate, first part: consent, gate and messages. Every write that decides something is one
of these functions, so that it happens whole or not at all. store/functions/__init__.py joins the parts, loads them
and names them: every function's name ends in a digest of the whole text, so that a server that has another version,
or none, can only say "not found", and two versions of Stopgate never call each other's.

Common rules
  - All keys come in KEYS and lie in one hash slot (one shard of one number); ARGV[1] is a JSON payload
    that refers to keys by their position.
  - Times are milliseconds since 1970 as decimal strings or numbers below 2^53.
  - Nothing here reads a clock for a decision: the caller passes `now`. Only the journal's entry ids come
    from the server's clock; they say when an entry was recorded.

Details record (one value per number and scope; one or two records back to back, one per group of channels
that share their state):
  byte 0      bit 0 text, bit 1 voice, bit 2 blocked, bit 3 has `latest`, bits 4-6 source code (0 for 8), bit 7 short form
  long form   6 bytes since (milliseconds), 8 bytes event (6 bytes milliseconds, 2 bytes sequence)
  short form  4 bytes since (whole seconds), 5 bytes event (milliseconds after 2020, sequence 0): what imports write
  [6 bytes]   latest: newest event of the same kind (milliseconds), only when it differs from since
  since       when the block (or the lift) happened;   event   id of the journal entry
store/details.py reads and writes the same layout; tests/store compares the two.
--]]

-- Source codes and how strong their evidence is (design §4). store/consent.py holds the same table;
-- tests/store/test_function_library.py compares the two.
local KEYWORD, LINK, CARRIER, AGENT, ADMIN, API, IMPORT, CONFIRMED = 1, 2, 3, 4, 5, 6, 7, 8
local RANK = { [KEYWORD] = 5, [LINK] = 5, [CARRIER] = 4, [AGENT] = 3, [ADMIN] = 2, [API] = 2, [IMPORT] = 1, [CONFIRMED] = 5 }

local CHANNEL_BIT = { text = 1, voice = 2 }
local CHANNELS = { 'text', 'voice' }

------------------------------------------------------------------------------------------------------------
-- Details: packing and unpacking

-- The two halves of an entry's id. Calls that write many records write the same id into all of them.
local last_event, last_ms, last_seq
local function event_parts(id)
  if id ~= last_event then
    local ms, seq = string.match(id, '^(%d+)-(%d+)$')
    last_event, last_ms, last_seq = id, tonumber(ms), tonumber(seq)
  end
  return last_ms, last_seq
end

-- Times in the short form count from 2020; beyond its 34 years the long form is used.
local EPOCH_2020 = 1577836800000
local SOURCE_OF = { [0] = CONFIRMED, 1, 2, 3, 4, 5, 6, 7 }
local MOST_SECONDS, MOST_SHORT = 2 ^ 32, 2 ^ 40

local function pack_record(mask, record)
  local header = mask + record.source % 8 * 16
  if record.blocked then header = header + 4 end
  if record.latest ~= record.since then header = header + 8 end
  local ms, seq = event_parts(record.event)
  local seconds, after = record.since / 1000, ms - EPOCH_2020
  local packed
  if seq == 0 and record.since % 1000 == 0 and seconds < MOST_SECONDS and after >= 0 and after < MOST_SHORT then
    packed = struct.pack('>BI4I5', header + 128, seconds, after)
  else
    packed = struct.pack('>BI6I6I2', header, record.since, ms, seq)
  end
  if record.latest ~= record.since then packed = packed .. struct.pack('>I6', record.latest) end
  return packed
end

local function same(a, b)
  return a and b and a.blocked == b.blocked and a.source == b.source and a.since == b.since
    and a.latest == b.latest and a.event == b.event
end

local function pack_details(records)
  if same(records.text, records.voice) then return pack_record(3, records.text) end
  local packed = ''
  for _, channel in ipairs(CHANNELS) do
    if records[channel] then packed = packed .. pack_record(CHANNEL_BIT[channel], records[channel]) end
  end
  return packed
end

local function unpack_details(value)
  local records = {}
  local position = 1
  while value and position <= #value do
    local header, since, ms, seq = string.byte(value, position), nil, nil, 0
    if header >= 128 then
      since, ms, position = struct.unpack('>I4I5', value, position + 1)
      since, ms = since * 1000, ms + EPOCH_2020
    else
      since, ms, seq, position = struct.unpack('>I6I6I2', value, position + 1)
    end
    local latest = since
    if bit.band(header, 8) ~= 0 then latest, position = struct.unpack('>I6', value, position) end
    for _, channel in ipairs(CHANNELS) do
      if bit.band(header, CHANNEL_BIT[channel]) ~= 0 then
        records[channel] = {
          blocked = bit.band(header, 4) ~= 0, source = SOURCE_OF[bit.band(bit.rshift(header, 4), 7)], since = since, latest = latest,
          event = string.format('%.0f-%d', ms, seq),
        }
      end
    end
  end
  return records
end

------------------------------------------------------------------------------------------------------------
-- Consent: what a change does to a record (design §4; G5, G7)

-- Returns the new record (or nil for no change) and the outcome.
local function opt_out(record, change)
  local at, source = change.at, change.source
  if not record then return { blocked = true, source = source, since = at, latest = at }, 'opted_out' end
  if not record.blocked then
    if at < record.latest then return nil, 'stale' end
    return { blocked = true, source = source, since = at, latest = at }, 'opted_out'
  end
  if RANK[source] > RANK[record.source] then
    local latest = math.max(at, record.latest)
    return { blocked = true, source = source, since = at, latest = latest }, 'strengthened'
  end
  if RANK[source] < RANK[record.source] then return nil, 'stronger_kept' end
  if at > record.latest then
    return { blocked = true, source = record.source, since = record.since, latest = at }, 'refreshed'
  end
  return nil, 'already'
end

local function lift(record, change)
  local at, source = change.at, change.source
  local open = { blocked = false, source = source, since = at, latest = at }
  if not record or not record.blocked then
    -- A person's START is remembered even when nothing was blocked, so that a STOP from before it, delivered
    -- late, does not override it.
    local newer = not record or at > record.latest
    if newer and RANK[source] == RANK[KEYWORD] then return open, 'not_opted_out' end
    return nil, 'not_opted_out'
  end
  local allowed = false
  for _, code in ipairs(change.may_lift) do
    if code == record.source then allowed = true end
  end
  -- A reviewer takes back the very opt-out that was misread, and no later one.
  if change.only_event and change.only_event == record.event then allowed = true end
  if not allowed then return nil, 'kept' end
  if at <= record.latest then return nil, 'stale' end
  return open, 'lifted'
end

local CHANGED = { opted_out = true, strengthened = true, refreshed = true, lifted = true }

-- What a change would do to the scope it names: the new records of the channels that change, and one outcome.
-- Channels may differ (text already blocked, voice not): the strongest outcome is the one reported.
local WEIGHT = { opted_out = 7, lifted = 7, strengthened = 6, refreshed = 5, kept = 4, stronger_kept = 3, stale = 2,
                 already = 1, not_opted_out = 1 }

local function plan(keys, payload, change)
  assert(change.at > 0 and change.at < 2 ^ 47, 'times are milliseconds since 1970')
  local records = unpack_details(redis.call('HGET', keys[change.details], change.field or payload.field))
  -- The pseudonym of a number (erasure.lua) that was never erased, or not in this scope.
  if change.erased and not next(records) then return { records = records, new = {} } end
  local persons = change.persons and unpack_details(redis.call('HGET', keys[change.persons], payload.field)) or {}
  local planned = { records = records, new = {}, outcome = nil, previous = nil }
  for _, channel in ipairs(change.channels) do
    local record = records[channel]
    local new, outcome
    local back = persons[channel]
    if change.kind == 'opt_out' and back and not back.blocked and change.at < back.latest then
      outcome = 'stale' -- the person came back since
    elseif change.kind == 'opt_out' then
      new, outcome = opt_out(record, change)
    else
      new, outcome = lift(record, change)
    end
    planned.new[channel] = new
    if record and not planned.previous then
      planned.previous = record.event
    elseif record and planned.previous ~= record.event then
      planned.previous = planned.previous .. ',' .. record.event
    end
    if not planned.outcome or WEIGHT[outcome] > WEIGHT[planned.outcome] then planned.outcome = outcome end
    if outcome == 'kept' and not planned.held_by then planned.held_by = record.source end
  end
  return planned
end

-- Journals are followed (store/following.py): the key after a journal's own (or at `behind`) says that its owner is behind.
local function journal(keys, position, fields, behind)
  local arguments = {}
  for name, value in pairs(fields) do
    if value ~= nil and value ~= '' then
      arguments[#arguments + 1] = name
      arguments[#arguments + 1] = value
    end
  end
  local entry = redis.call('XADD', keys[position], '*', unpack(arguments))
  local owner = string.match(keys[position], ':journal:(.*)$')
  redis.call('ZADD', keys[behind or position + 1], 'NX', string.match(entry, '^%d+'), owner)
  return entry
end

local function write(keys, payload, change, planned, event)
  local records = planned.records
  local touched = false
  for _, channel in ipairs(change.channels) do
    local new = planned.new[channel]
    if new then
      local was = records[channel] and records[channel].blocked
      new.event = event
      records[channel] = new
      touched = true
      local counted = channel .. ':' .. change.scope
      if new.blocked and not was then
        redis.call('HINCRBY', keys[change.members], counted, redis.call('SADD', keys[change[channel]], change.member or payload.member))
      elseif was and not new.blocked then
        redis.call('HINCRBY', keys[change.members], counted, -redis.call('SREM', keys[change[channel]], change.member or payload.member))
      end
    elseif event and records[channel] then
      -- Nothing changed, but the entry that says so joins the chain that tells this number's history.
      records[channel].event = event
      touched = true
    end
  end
  if touched then redis.call('HSET', keys[change.details], change.field or payload.field, pack_details(records)) end
end

local function entry_for(keys, payload, change, planned)
  return journal(keys, change.journal, {
    number = change.member or payload.address, kind = change.kind, scope = change.scope,
    channels = table.concat(change.channels, ','), source = tostring(change.source), at = payload.at, outcome = planned.outcome, previous = planned.previous,
    also = planned.also and table.concat(planned.also, '\n'), only_event = change.only_event,
    detail = change.member and payload.bare_detail or payload.detail,
  })
end

local function same_entry(keys, a, b)
  return keys[a.journal] == keys[b.journal] and a.kind == b.kind and a.source == b.source
    and a.only_event == b.only_event and a.member == b.member and table.concat(a.channels) == table.concat(b.channels)
end

-- Which scopes get a journal entry of their own: each that changed, or the first when nothing did. A scope that only
-- remembers something (a START where nothing was blocked) is named in another's entry of the same journal, `also`, so
-- that every record that is written can be found again in the journal, and one event stays one entry.
local function choose_entries(keys, changes, planned)
  local changed, own = false, {}
  for index in ipairs(changes) do changed = changed or CHANGED[planned[index].outcome] or false end
  for index in ipairs(changes) do own[index] = CHANGED[planned[index].outcome] or (not changed and index == 1) end
  for index, change in ipairs(changes) do
    if not own[index] and next(planned[index].new) then
      for other, candidate in ipairs(changes) do
        if own[other] and not planned[index].with and same_entry(keys, change, candidate) then
          local host = planned[other]
          planned[index].with = other
          host.also = host.also or {}
          host.also[#host.also + 1] = change.scope
          if planned[index].previous then
            host.previous = (host.previous and host.previous .. ',' or '') .. planned[index].previous
          end
        end
      end
      if not planned[index].with then own[index] = true end
    end
  end
  return own
end

-- How often somebody has asked this server about one number, or changed one: an import leaves it more time then.
local asked = 0

-- A lift that reached the block of an erased number says so in an entry with the number as well: who lifted it has the
-- number in hand again, and programs that follow the journal see no entry of a pseudonym.
local function tell_of_erased(changes, planned)
  for index, change in ipairs(changes) do
    for other, twin in ipairs(changes) do
      if twin.erased and planned[other].outcome == 'lifted' and not change.erased and twin.scope == change.scope
        and change.kind == 'lift' and planned[index].outcome ~= 'lifted' then
        planned[index].outcome = 'lifted'
      end
    end
  end
end

-- Applies all changes of one event. Returns a list of {scope, outcome, entry, held_by}.
local function apply(keys, payload)
  asked = asked + 1
  local planned, results, entries = {}, {}, {}
  for index, change in ipairs(payload.changes) do
    change.at = tonumber(payload.at)
    planned[index] = plan(keys, payload, change)
  end
  tell_of_erased(payload.changes, planned)
  local own = choose_entries(keys, payload.changes, planned)
  for index, change in ipairs(payload.changes) do
    local entry = own[index] and entry_for(keys, payload, change, planned[index])
    if entry then write(keys, payload, change, planned[index], entry) end
    local outcome = planned[index].outcome
    entries[index] = entry
    if outcome then
      results[#results + 1] = { scope = change.scope, outcome = outcome, entry = entry or '', held_by = planned[index].held_by }
    end
  end
  for index, change in ipairs(payload.changes) do
    local host = planned[index].with
    if host then write(keys, payload, change, planned[index], entries[host]) end
  end
  return results
end

------------------------------------------------------------------------------------------------------------
-- Gate: which of the scopes block (design §4)

local function blocks(keys, payload)
  asked = asked + 1
  local found = {}
  for _, scope in ipairs(payload.scopes) do
    if redis.call('SISMEMBER', keys[scope.gate], scope.member or payload.member) == 1 then
      local records = unpack_details(redis.call('HGET', keys[scope.details], scope.member or payload.field))
      local record = records[payload.channel]
      found[#found + 1] = {
        scope = scope.scope, source = record and record.source or 0,
        since = record and string.format('%.0f', record.since) or '', event = record and record.event or '',
      }
    end
  end
  return found
end

local function list(values)
  -- cjson writes an empty table as an object; the reader expects a list.
  if #values == 0 then return '[]' end
  return cjson.encode(values)
end

------------------------------------------------------------------------------------------------------------
-- Lists of texts and figures of days. Derived, and written in the same step as what they list (store/texts.py). An
-- `entry` names the keys of one account: texts, conversations, unanswered, days; and has the address and the day.

local DAYS_KEPT = 400 * 24 * 3600 * 1000
local TRIMMED_AT_ONCE = 50

local function count_day(keys, entry, name, by)
  by = by or 1
  local total = redis.call('HINCRBY', keys[entry.days], entry.day .. ':' .. name, by)
  if total == by then redis.call('PEXPIRE', keys[entry.days], DAYS_KEPT) end
end

-- One event is one opt-out, in however many scopes. Returns whether it was one.
local function count_opt_out(keys, entry, changes, results)
  if not entry then return false end
  for index, result in ipairs(results) do
    if result.outcome == 'opted_out' then
      count_day(keys, entry, 'opt_out:' .. changes[index].source)
      return true
    end
  end
  return false
end

-- A text counts on the day it was made, under what it is now: the figures of a day add up to its texts.
-- A text of a broadcast counts in the figures of that too (`broadcast` is their key), there with its reason.
local function with_reason(status, reason)
  return reason and reason ~= '' and status ~= 'queued' and status .. '|' .. reason or status
end

local function recount(keys, entry, old, new, was, why)
  if old == 'handing_over' then old = 'queued' end
  if old == new then return end
  count_day(keys, entry, 'out:' .. old, -1)
  count_day(keys, entry, 'out:' .. new)
  if entry.broadcast then
    redis.call('HINCRBY', keys[entry.broadcast], with_reason(old, was), -1)
    redis.call('HINCRBY', keys[entry.broadcast], with_reason(new, why), 1)
  end
end

local function clean_up(keys, entry, now, retention)
  local cutoff = tonumber(now) - retention
  for _, position in ipairs({ entry.texts, entry.conversations, entry.unanswered }) do
    local old = redis.call('ZRANGEBYSCORE', keys[position], '-inf', cutoff, 'LIMIT', 0, TRIMMED_AT_ONCE)
    if #old > 0 then redis.call('ZREM', keys[position], unpack(old)) end
    redis.call('PEXPIRE', keys[position], retention)
  end
end

-- One text in sixteen pays for cleaning up behind all of them; the first of a conversation makes sure that the lists
-- of an account that sends nothing any more end too.
local function keep_for(keys, entry, payload, message, first)
  if string.sub(message.id, -1) == '0' then return clean_up(keys, entry, payload.now, message.retention) end
  if not first then return end
  redis.call('PEXPIRE', keys[entry.texts], message.retention)
  redis.call('PEXPIRE', keys[entry.conversations], message.retention)
  if entry.waits then redis.call('PEXPIRE', keys[entry.unanswered], message.retention) end
end

local function enlist(keys, payload, message)
  local entry = message.entry
  redis.call('ZADD', keys[entry.texts], message.at, message.id)
  local new = redis.call('ZADD', keys[entry.conversations], 'GT', message.at, entry.address)
  if entry.waits == true then
    redis.call('ZADD', keys[entry.unanswered], 'GT', message.at, entry.address)
  elseif entry.waits == false then
    redis.call('ZREM', keys[entry.unanswered], entry.address)
  end
  if message.retention then keep_for(keys, entry, payload, message, new == 1) end
  count_day(keys, entry, message.direction == 'in' and 'in' or 'out:queued')
  if message.audience then count_day(keys, entry, 'sent:' .. message.audience) end
  if entry.broadcast then
    redis.call('HINCRBY', keys[entry.broadcast], 'queued', 1)
    redis.call('PEXPIRE', keys[entry.broadcast], DAYS_KEPT)
  end
end

-- What somebody was texted for last, of the newest texts of a thread: the audience, and when that was less than a week
-- ago the broadcast and its text; nil when for none.
local LEFT_BECAUSE = 7 * 24 * 3600 * 1000

local function texted_for(keys, position, now)
  for _, text in ipairs(redis.call('XREVRANGE', keys[position], '+', '-', 'COUNT', 20)) do
    local fields = {}
    for index = 1, #text[2], 2 do fields[text[2][index]] = text[2][index + 1] end
    if fields.audience then
      local recent = tonumber(now) - tonumber(string.match(text[1], '^%d+')) < LEFT_BECAUSE
      return fields.audience, recent and fields.broadcast or nil, fields.id
    end
  end
end

-- An opt-out is put down to what the person was texted for last; to a text of a broadcast once.
local function count_left(keys, entry, thread, now)
  local audience, broadcast, text = texted_for(keys, thread, now)
  if audience then count_day(keys, entry, 'left:' .. audience) end
  if not broadcast then return end
  redis.call('ZREMRANGEBYSCORE', keys[entry.left], '-inf', tonumber(now) - DAYS_KEPT)
  if redis.call('ZADD', keys[entry.left], 'NX', now, broadcast .. ':' .. text) == 0 then return end
  redis.call('PEXPIRE', keys[entry.left], DAYS_KEPT)
  count_day(keys, entry, 'left_broadcast:' .. broadcast)
end

------------------------------------------------------------------------------------------------------------
-- Messages

local RANK_OF_STATUS = {
  queued = 0, handing_over = 1, unknown = 2, accepted = 4, sent = 6, undelivered = 8, failed = 8, canceled = 8,
  delivered = 9, read = 10, suppressed = 20, expired = 20,
}

local function note(keys, payload, now, what, detail)
  redis.call('RPUSH', keys[payload.events], cjson.encode({ at = now, what = what, detail = detail or '' }))
  if payload.retention then redis.call('PEXPIRE', keys[payload.events], payload.retention) end
end

local function finish(keys, payload, status, reason)
  redis.call('HSET', keys[payload.message], 'status', status, 'reason', reason or '', 'updated', payload.now)
  recount(keys, payload, 'queued', status, '', reason)
  redis.call('ZREM', keys[payload.outbox], payload.effect)
  note(keys, payload, payload.now, status, reason)
end

local function create(keys, payload, message)
  redis.call('HSET', keys[message.message], unpack(message.fields))
  local listed = { 'id', message.id, 'direction', message.direction }
  for _, name in ipairs({ 'audience', 'broadcast' }) do
    if message[name] then
      listed[#listed + 1] = name
      listed[#listed + 1] = message[name]
    end
  end
  redis.call('XADD', keys[message.thread], 'MAXLEN', '~', '5000', '*', unpack(listed))
  enlist(keys, payload, message)
  if message.retention then
    redis.call('PEXPIRE', keys[message.message], message.retention)
    redis.call('PEXPIRE', keys[message.thread], message.retention)
  end
  if message.events then
    note(keys, { events = message.events, retention = message.retention }, payload.now, 'queued', message.why)
    redis.call('ZADD', keys[payload.outbox], message.due, 'send:' .. message.id)
  end
end

local function count(keys, payload, name)
  redis.call('HINCRBY', keys[payload.counters], name, 1)
end

------------------------------------------------------------------------------------------------------------
-- sg_receive: one inbound text, whole (G1, G3, G4)
--   KEYS     dedupe mark, inbound message, thread, outbox, counters, repeat mark, loop counter, open question, the lists
--            of the account, [review queue, waiting texts, hold index, journal,] [audience index, journal, audience
--            sizes, gate and details per scope,] [message, timeline and lists of each reply,] then per change: gate text, gate voice,
--            details, journal, members
--            (here and below a journal's key is followed by that of who is behind)
--   payload  see store/inbound.py
--   returns  {1 for a duplicate, else 0; JSON {results, reply, reply_id}}: reply is "queued" or why nothing is sent

-- The first reply whose condition holds: `only_if` names something that happened ("lifted", "joined", "asked").
local function choose_reply(payload, happened)
  for _, reply in ipairs(payload.replies) do
    if not reply.only_if or happened[reply.only_if] then return reply end
  end
end

-- A new opt-out is always confirmed: it is the one text that the person has a right to (SC-3). Said again while it
-- stands, it is confirmed once in a while (`once`). Everything else is cut off by the loop guard.
local function reply_verdict(keys, payload, reply, happened)
  if #payload.replies == 0 then return payload.no_reply end
  if not reply then return 'nothing_changed' end
  local due = reply.once and happened.opted_out
  if reply.once and not due and redis.call('EXISTS', keys[payload.repeat_mark]) == 1 then return 'confirmed_already' end
  local replies = redis.call('INCR', keys[payload.loop])
  if replies == 1 then redis.call('PEXPIRE', keys[payload.loop], payload.loop_window) end
  if replies > payload.loop_limit and not due then return 'loop_guard' end
  if reply.once then redis.call('SET', keys[payload.repeat_mark], reply.id, 'PX', reply.once) end
  return 'queued'
end

-- Joining an audience: at once when nothing blocks, else (or when the account always asks) by a question that
-- waits for its answer. Returns joined, already_member or asked.
local function join(keys, payload)
  local wish = payload.join
  local blocked = #blocks(keys, { scopes = wish.scopes, channel = 'text', member = payload.member, field = payload.field }) > 0
  if redis.call('SISMEMBER', keys[wish.audience], payload.member) == 1 and not blocked then return 'already_member' end
  if wish.question and (blocked or wish.always_ask) then
    if redis.call('GET', keys[payload.pending]) == wish.question then return 'asked_already' end
    redis.call('SET', keys[payload.pending], wish.question, 'PX', wish.window)
    journal(keys, wish.journal, {
      number = payload.address, kind = 'join', scope = wish.scope, channels = 'text', at = payload.at, outcome = 'asked',
      source = tostring(KEYWORD), detail = payload.detail,
    })
    return 'asked'
  end
  if blocked then return 'blocked' end
  redis.call('HINCRBY', keys[wish.sizes], wish.sized, redis.call('SADD', keys[wish.audience], payload.member))
  journal(keys, wish.journal, {
    number = payload.address, kind = 'join', scope = wish.scope, channels = 'text', at = payload.at, outcome = 'joined',
    source = tostring(KEYWORD), detail = payload.detail,
  })
  return 'joined'
end

local function put_before_a_person(keys, payload)
  local review = payload.review
  redis.call('ZADD', keys[review.queue], payload.at, payload.inbound.id)
  if not review.hold then return end
  redis.call('SADD', keys[review.waiting], payload.inbound.id)
  redis.call('SADD', keys[review.hold], payload.member)
  count_day(keys, payload.inbound.entry, 'held')
  journal(keys, review.journal, {
    number = payload.address, kind = 'held', scope = review.scope, channels = 'text', at = payload.at, outcome = 'held',
    detail = payload.detail,
  })
end

-- What an open question has to do with this text: an answer needs it to be open still, an opt-out closes it.
local function answer_pending(keys, payload)
  if payload.needs_pending and redis.call('EXISTS', keys[payload.pending]) == 0 then return false end
  if payload.clear_pending then redis.call('DEL', keys[payload.pending]) end
  return true
end

redis.register_function('sg_receive', function(keys, args)
  local payload = cjson.decode(args[1])
  local known = redis.call('GET', keys[payload.seen])
  if known then
    count(keys, payload, 'inbound_duplicate')
    return { 1, known }
  end
  local happened, results = {}, {}
  if answer_pending(keys, payload) then
    results = apply(keys, payload)
    for _, result in ipairs(results) do happened[result.outcome] = true end
    -- Nobody is welcomed back whose texts are refused still.
    if happened.lifted and payload.welcome and #blocks(keys, { scopes = payload.welcome, channel = 'text',
        member = payload.member, field = payload.field }) > 0 then happened.lifted = nil end
    if payload.join then happened[join(keys, payload)] = true end
    if payload.ask then redis.call('SET', keys[payload.pending], payload.ask.question, 'PX', payload.ask.window) end
  end
  if happened.opted_out then
    count_opt_out(keys, payload.inbound.entry, payload.changes, results)
    count_left(keys, payload.inbound.entry, payload.inbound.thread, payload.now)
  end
  if payload.review and (payload.review.hold or happened.opted_out) then put_before_a_person(keys, payload) end
  create(keys, payload, payload.inbound)
  local reply = choose_reply(payload, happened)
  local verdict = reply_verdict(keys, payload, reply, happened)
  if verdict == 'queued' then create(keys, payload, reply) end
  redis.call('HSET', keys[payload.inbound.message], 'results', list(results), 'reply', verdict)
  if verdict == 'queued' then redis.call('HSET', keys[payload.inbound.message], 'reply_id', reply.id) end
  count(keys, payload, 'inbound_' .. payload.action)
  if verdict == 'queued' then count(keys, payload, 'replies_queued') end
  local answer = '{"results":' .. list(results) .. ',"reply":' .. cjson.encode(verdict) ..
    ',"reply_id":' .. cjson.encode(verdict == 'queued' and reply.id or '') .. '}'
  redis.call('SET', keys[payload.seen], answer, 'PX', payload.seen_for)
  return { 0, answer }
end)

------------------------------------------------------------------------------------------------------------
-- sg_change: a consent change that did not come as a text (API, admin, carrier, import of one)
--   KEYS     counters, figures of the day, [thread, who left,] then per change: gate text, gate voice, details, journal, members, and for
--            what is entered beside a person's own word the details of that
--   returns  JSON list of {scope, outcome, entry, held_by}

redis.register_function('sg_change', function(keys, args)
  local payload = cjson.decode(args[1])
  local results = apply(keys, payload)
  for _, result in ipairs(results) do count(keys, payload, 'change_' .. result.outcome) end
  if count_opt_out(keys, payload.entry, payload.changes, results) and payload.entry.thread then
    count_left(keys, payload.entry, payload.entry.thread, payload.at)
  end
  return list(results)
end)

------------------------------------------------------------------------------------------------------------
-- sg_opt_out: an opt-out that a colleague enters, and the one confirmation to the person, in one step (G4)
--   KEYS     counters, outbox, repeat mark, thread, the lists of the account, [record and timeline of the reply,] gate
--            and details of every scope that covers texts, then per change as above
--   returns  JSON {results, reply, reply_id}: reply is "queued" or why nothing is sent
-- Who got no texts any more already is not sent one: the permit would let it through.

local function confirmation_verdict(payload, blocked, results)
  if not payload.reply then return payload.no_reply end
  if blocked then return 'opted_out_already' end
  for _, result in ipairs(results) do
    if result.outcome == 'opted_out' then return 'queued' end
  end
  return 'nothing_changed'
end

redis.register_function('sg_opt_out', function(keys, args)
  local payload = cjson.decode(args[1])
  local blocked = #blocks(keys, { scopes = payload.scopes, channel = 'text', member = payload.member, field = payload.field }) > 0
  local results = apply(keys, payload)
  for _, result in ipairs(results) do count(keys, payload, 'change_' .. result.outcome) end
  count_opt_out(keys, payload.entry, payload.changes, results)
  local verdict = confirmation_verdict(payload, blocked, results)
  if payload.entry.waits == false then redis.call('ZREM', keys[payload.entry.unanswered], payload.address) end
  local reply_id = ''
  if verdict == 'queued' then
    reply_id = payload.reply.id
    redis.call('SET', keys[payload.repeat_mark], reply_id, 'PX', payload.reply.once)
    create(keys, payload, payload.reply)
    count(keys, payload, 'replies_queued')
  end
  return '{"results":' .. list(results) .. ',"reply":' .. cjson.encode(verdict) .. ',"reply_id":' .. cjson.encode(reply_id) .. '}'
end)

------------------------------------------------------------------------------------------------------------
-- sg_review: a person decides about a text that was held, or takes back a misread one
--   KEYS     review queue, waiting texts, hold index, the text's message, counters, journal, figures of the day, [the
--            decided texts, for a held one that is decided to be an opt-out,] then per change as above
--   returns  JSON {outcome: "decided" | "missing", results}

local DECIDED_KEPT = 90 * 86400 * 1000

redis.register_function('sg_review', function(keys, args)
  local payload = cjson.decode(args[1])
  if redis.call('ZREM', keys[1], payload.id) == 0 then return '{"outcome":"missing","results":[]}' end
  redis.call('SREM', keys[2], payload.id)
  if redis.call('SCARD', keys[2]) == 0 then redis.call('SREM', keys[3], payload.member) end
  redis.call('HSET', keys[4], 'review', payload.decision, 'reviewed', payload.now)
  journal(keys, 6, {
    number = payload.address, kind = 'review', scope = payload.scope, channels = 'text', at = payload.now,
    outcome = payload.decision, detail = payload.detail,
  })
  local results = apply(keys, payload)
  for _, result in ipairs(results) do
    if payload.decided and result.outcome == 'opted_out' then
      -- A decision can be wrong too: what it did stands with the text, and may be taken back like a misread one.
      redis.call('HSET', keys[4], 'results', list(results))
      redis.call('ZADD', keys[payload.decided], payload.now, payload.id)
      redis.call('ZREMRANGEBYSCORE', keys[payload.decided], '-inf', tonumber(payload.now) - DECIDED_KEPT)
    end
  end
  count_opt_out(keys, payload.entry, payload.changes, results)
  count(keys, payload, 'review_' .. payload.decision)
  return '{"outcome":"decided","results":' .. list(results) .. '}'
end)

------------------------------------------------------------------------------------------------------------
-- sg_subscribe: a program puts a number into an audience; blocked numbers get an open question instead
--   KEYS     open question, counters, audience index, journal, audience sizes, then per scope: gate index, details
--   returns  joined, already_member, asked or blocked

redis.register_function('sg_subscribe', function(keys, args)
  local payload = cjson.decode(args[1])
  local outcome = join(keys, payload)
  count(keys, payload, 'subscribe_' .. outcome)
  return outcome
end)

------------------------------------------------------------------------------------------------------------
-- sg_blocks: what blocks a number now, for every scope given. Reads only.
--   KEYS     per scope: gate index of the channel, details
--   returns  JSON list of {scope, source, since, event}

redis.register_function{
  function_name = 'sg_blocks',
  callback = function(keys, args) return list(blocks(keys, cjson.decode(args[1]))) end,
  flags = { 'no-writes' },
}

------------------------------------------------------------------------------------------------------------
-- sg_create: a new outbound message, refused at once when the number is blocked (G9: refused, not dropped)
--   KEYS     message, timeline, thread, outbox, counters, the lists of its account, [figures of its broadcast,] then per scope: gate index, details
--   returns  JSON {status: "created" | "exists" | "blocked", blocks}

redis.register_function('sg_create', function(keys, args)
  local payload = cjson.decode(args[1])
  local message = payload.new
  if redis.call('EXISTS', keys[message.message]) == 1 then return '{"status":"exists","blocks":[]}' end
  local found = blocks(keys, payload)
  if #found > 0 then
    count(keys, payload, 'outbound_refused')
    return '{"status":"blocked","blocks":' .. list(found) .. '}'
  end
  create(keys, payload, message)
  count(keys, payload, 'outbound_accepted')
  return '{"status":"created","blocks":[]}'
end)

------------------------------------------------------------------------------------------------------------
-- sg_hand_over: the gate (G2, G4, G9). Asked by a worker at the moment it would call the carrier.
--   KEYS     message, timeline, outbox, counters, figures of its day, hold index, then per scope: gate index, details; [figures of its broadcast]
--   payload  only_stop: nobody wants to send it now; it is stopped if it would be refused, else left as it is
--   returns  JSON {verdict, reason, blocks}; verdict "send" means: this caller, and nobody else, sends it now

local function age_verdict(keys, payload, status)
  if status ~= 'handing_over' then
    redis.call('ZREM', keys[payload.outbox], payload.effect)
    return 'done', status
  end
  local since = tonumber(redis.call('HGET', keys[payload.message], 'handed_at'))
  if tonumber(payload.now) - since < payload.lease then return 'in_progress', '' end
  finish(keys, payload, 'unknown', 'lost_after_hand_over')
  return 'unknown', 'lost_after_hand_over'
end

local function refusal(keys, payload, message)
  local expires = tonumber(message.expires or '')
  if expires and tonumber(payload.now) > expires then return 'expired', 'too_late', {} end
  if message.permit == '1' then return nil, nil, {} end
  local found = blocks(keys, payload)
  if #found > 0 then return 'suppressed', 'opted_out', found end
  if message.kind == 'broadcast' and redis.call('SISMEMBER', keys[payload.hold], payload.member) == 1 then
    return 'suppressed', 'held', {}
  end
  return nil, nil, {}
end

local function verdict(name, reason, found)
  return '{"verdict":' .. cjson.encode(name) .. ',"reason":' .. cjson.encode(reason or '') .. ',"blocks":' .. list(found or {}) .. '}'
end

redis.register_function('sg_hand_over', function(keys, args)
  local payload = cjson.decode(args[1])
  local fields = redis.call('HMGET', keys[payload.message], 'status', 'expires', 'permit', 'kind')
  local message = { status = fields[1], expires = fields[2], permit = fields[3], kind = fields[4] }
  if not message.status then
    redis.call('ZREM', keys[payload.outbox], payload.effect)
    return verdict('missing', '')
  end
  if message.status ~= 'queued' then
    if payload.only_stop then return verdict('done', message.status) end
    return verdict(age_verdict(keys, payload, message.status))
  end
  local name, reason, found = refusal(keys, payload, message)
  if name then
    if #found > 0 then redis.call('HSET', keys[payload.message], 'blocked_by', cjson.encode(found[1])) end
    finish(keys, payload, name, reason)
    count(keys, payload, 'outbound_' .. name)
    if message.kind == 'confirmation' then count(keys, payload, 'confirmation_' .. name) end
    return verdict(name, reason, found)
  end
  if payload.only_stop then return verdict('queued', '') end
  redis.call('HSET', keys[payload.message], 'status', 'handing_over', 'handed_at', payload.now, 'updated', payload.now)
  redis.call('HINCRBY', keys[payload.message], 'attempts', 1)
  redis.call('ZADD', keys[payload.outbox], tonumber(payload.now) + payload.lease, payload.effect)
  note(keys, payload, payload.now, 'handing_over', message.permit == '1' and 'by permit' or '')
  return verdict('send', '')
end)

------------------------------------------------------------------------------------------------------------
-- sg_settle: what became of a message: the carrier's answer, a delivery report, or "certainly not sent"
--   KEYS     message, timeline, outbox, counters, figures of its day, [carrier id mark, parked reports, figures of its broadcast]
--   payload  mode "answer" | "report" | "release"; status, reason, code, sid, once (dedupe id of a report), due
--   returns  JSON {outcome: "applied" | "kept" | "duplicate" | "missing", status, parked}

local function raise(keys, payload)
  local current, was = unpack(redis.call('HMGET', keys[payload.message], 'status', 'reason'))
  if RANK_OF_STATUS[payload.status] <= RANK_OF_STATUS[current] then return 'kept', current end
  redis.call('HSET', keys[payload.message], 'status', payload.status, 'reason', payload.reason, 'code', payload.code,
    'updated', payload.now)
  recount(keys, payload, current, payload.status, was, payload.reason)
  count(keys, payload, 'outbound_' .. payload.status)
  return 'applied', payload.status
end

local function release(keys, payload)
  if redis.call('HGET', keys[payload.message], 'status') ~= 'handing_over' then
    return 'kept', redis.call('HGET', keys[payload.message], 'status')
  end
  redis.call('HSET', keys[payload.message], 'status', 'queued', 'reason', payload.reason, 'code', payload.code,
    'updated', payload.now)
  redis.call('ZADD', keys[payload.outbox], payload.due, payload.effect)
  return 'applied', 'queued'
end

redis.register_function('sg_settle', function(keys, args)
  local payload = cjson.decode(args[1])
  if redis.call('EXISTS', keys[payload.message]) == 0 then return '{"outcome":"missing","status":"","parked":[]}' end
  if payload.once and redis.call('HSETNX', keys[payload.message], 'report:' .. payload.once, payload.now) == 0 then
    count(keys, payload, 'report_duplicate')
    return '{"outcome":"duplicate","status":"","parked":[]}'
  end
  local parked = {}
  if payload.sid ~= '' then
    redis.call('HSET', keys[payload.message], 'sid', payload.sid)
    redis.call('SET', keys[payload.sid_mark], payload.id, 'PX', payload.sid_for)
    parked = redis.call('LRANGE', keys[payload.parked], 0, -1)
    redis.call('DEL', keys[payload.parked])
  end
  local outcome, status
  if payload.mode == 'release' then outcome, status = release(keys, payload) else outcome, status = raise(keys, payload) end
  if payload.mode ~= 'release' then redis.call('ZREM', keys[payload.outbox], payload.effect) end
  note(keys, payload, payload.now, payload.what, payload.note)
  return '{"outcome":' .. cjson.encode(outcome) .. ',"status":' .. cjson.encode(status) .. ',"parked":' .. list(parked) .. '}'
end)

------------------------------------------------------------------------------------------------------------
-- sg_park: a delivery report for a carrier id we do not know (yet). Kept once, applied by sg_settle.
--   KEYS     parked reports        ARGV  report (JSON), lifetime in milliseconds, most reports kept

redis.register_function('sg_park', function(keys, args)
  if redis.call('LPOS', keys[1], args[1]) then return 0 end
  if redis.call('LLEN', keys[1]) >= tonumber(args[3]) then return 0 end
  redis.call('RPUSH', keys[1], args[1])
  redis.call('PEXPIRE', keys[1], args[2])
  return 1
end)

------------------------------------------------------------------------------------------------------------
-- sg_claim_due: outbox entries whose time has come; each is put off by the lease, so that one sweeper gets it
--   KEYS     outbox                ARGV  now, lease in milliseconds, limit

redis.register_function('sg_claim_due', function(keys, args)
  local due = redis.call('ZRANGEBYSCORE', keys[1], '-inf', args[1], 'LIMIT', 0, args[3])
  for _, effect in ipairs(due) do redis.call('ZADD', keys[1], 'XX', tonumber(args[1]) + tonumber(args[2]), effect) end
  return due
end)

------------------------------------------------------------------------------------------------------------
-- sg_followed: a journal was followed up to an entry; its owner is behind no longer when that is the newest
--   KEYS     followed, who is behind, journal        ARGV  owner, entry

redis.register_function('sg_followed', function(keys, args)
  redis.call('HSET', keys[1], args[1], args[2])
  local newest = redis.call('XREVRANGE', keys[3], '+', '-', 'COUNT', 1)[1]
  if newest and newest[1] ~= args[2] then return 0 end
  return redis.call('ZREM', keys[2], args[1])
end)

------------------------------------------------------------------------------------------------------------
-- sg_event: an event joins its account's feed, once
--   KEYS     event, feed             ARGV  id, kind, the event (JSON), its lifetime in milliseconds, most events of a feed

redis.register_function('sg_event', function(keys, args)
  if not redis.call('SET', keys[1], args[3], 'NX', 'PX', args[4]) then return 0 end
  redis.call('XADD', keys[2], 'MAXLEN', '~', args[5], '*', 'id', args[1], 'kind', args[2])
  return 1
end)
