# Months and years beside dates, and times as text: the words of PostgreSQL and SQLite.
use: library

[differs: sqlite3 has no INTERVAL]> SELECT DATE '2020-01-31' + INTERVAL '1 month', TIMESTAMP '2020-03-31 10:00' - INTERVAL '1 month', DATE '2020-02-29' + INTERVAL '1 year 2 days 03:00'
---
(datetime.datetime(2020, 2, 29, 0, 0, tzinfo=datetime.timezone.utc), datetime.datetime(2020, 2, 29, 10, 0, tzinfo=datetime.timezone.utc), datetime.datetime(2021, 3, 2, 3, 0, tzinfo=datetime.timezone.utc))

[differs: sqlite3 has no INTERVAL]> SELECT published - INTERVAL '3' MONTH, published + '2 quarters'::interval FROM book WHERE published IS NULL OR id = 1 ORDER BY id LIMIT 2
---
(datetime.datetime(1815, 9, 23, 0, 0, tzinfo=datetime.timezone.utc), datetime.datetime(1816, 6, 23, 0, 0, tzinfo=datetime.timezone.utc))
(None, None)

[differs: sqlite3 has no INTERVAL]> SELECT id FROM book WHERE published > DATE '1984-10-01' - INTERVAL '1 month' ORDER BY id
---
no rows

[differs: sqlite3 has no INTERVAL]> SELECT INTERVAL '1 month'
---
DataError: interval '1 month': a month has no fixed length. It can be added to a date or a timestamp, or subtracted, as a literal on the right side; elsewhere use weeks, days, hours, minutes, seconds: "'1 month'" at 1:17

[differs: sqlite3 has no INTERVAL]> SELECT published + INTERVAL '1.5 months' FROM book
---
DataError: interval '1.5 months': a month can only be whole

[differs: sqlite3 has no INTERVAL]> SELECT DATE '9999-12-01' + INTERVAL '1 month'
---
DataError: 9999-12-01 00:00:00+00:00 and 1 months is out of range

> SELECT strftime('%Y-%m', published), COUNT(*) FROM book WHERE published IS NOT NULL GROUP BY 1 ORDER BY 1
---
('1815-12', 1)
('1817-12', 1)
('1944-01', 1)
('1972-11', 1)
('1984-09', 1)

> SELECT strftime('%H:%M:%S %j %% %d', '2020-03-01 04:05:06')
---
('04:05:06 061 % 01',)

[differs: sqlite3 has no such directives]> SELECT strftime('%a %-d %b %y, %B %A %p %f', '2020-03-01 04:05:06.5')
---
('Sun 1 Mar 20, March Sunday AM 500000',)

[differs: sqlite3 gives NULL]> SELECT strftime('%q', published) FROM book
---
DataError: '%q' is no directive of a time format; there are %Y %y %m %d %H %I %p %M %S %f %s %j %u %w %G %V %B %b %A %a %%

[differs: sqlite3 has no TO_CHAR]> SELECT to_char(published, 'YYYY') FROM book
---
NotSupportedError: TO_CHAR (write STRFTIME) is not supported: "to_char(published, 'YYYY')" at 1:8

[differs: sqlite3 has no INTERVAL]> SELECT CAST(%s AS interval), %s::interval + INTERVAL '1 hour', (%s || ' days')::interval {'1 day 02:00', '-3 hours', 3}
---
(datetime.timedelta(days=1, seconds=7200), datetime.timedelta(days=-1, seconds=79200), datetime.timedelta(days=3))

[differs: sqlite3 has no INTERVAL]> SELECT id FROM book WHERE published > DATE '1984-10-01' - INTERVAL %s ORDER BY id {'300 days'}
---
(6,)

[differs: sqlite3 has no INTERVAL]> SELECT v.told::interval FROM (VALUES ('90 minutes'), (NULL), ('PT5M')) AS v (told)
---
(datetime.timedelta(seconds=5400),)
(None,)
(datetime.timedelta(seconds=300),)

[differs: sqlite3 has no INTERVAL]> SELECT title::interval FROM book ORDER BY id
---
DataError: 'Emma' is no interval; write it as '1 day 02:03:04.5' or 'P1DT2H3M4.5S'

[differs: sqlite3 has no such functions]> SELECT DATE_TRUNC('month', '2020-02-03'), EXTRACT(year FROM %s), DATE_PART('hour', '2020-02-03 04:05') {'2021-01-01'}
---
(datetime.datetime(2020, 2, 1, 0, 0, tzinfo=datetime.timezone.utc), Decimal('2021'), Decimal('4'))

[differs: sqlite3 has no such functions]> SELECT DATE_TRUNC('day', TIMESTAMP '2020-01-01 23:30', 'Europe/Berlin'), MAKE_TIME(1, 2, 3.5)
---
(datetime.datetime(2020, 1, 1, 23, 0, tzinfo=datetime.timezone.utc), datetime.time(1, 2, 3, 500000))

[differs: sqlite3 has no such functions]> SELECT EXTRACT(year FROM title) FROM book
---
DataError: 'Emma' is no value of type timestamp

[differs: sqlite3 has no such functions]> SELECT EXTRACT(year FROM year) FROM book
---
ProgrammingError: EXTRACT takes date or timestamp or time or interval, and no value of type integer: "year" at 1:26

[differs: sqlite3 has no such functions]> SELECT DATE_TRUNC('hour', INTERVAL '90 minutes')
---
ProgrammingError: DATE_TRUNC takes date or timestamp, and no value of type interval: "DATE_TRUNC('hour', INTERVAL '90 minutes')" at 1:8

[differs: sqlite3 has no INTERVAL; its Django has microseconds]> SELECT CAST(INTERVAL '2 hours' AS integer), CAST(INTERVAL '-1 microsecond' AS bigint), CAST(INTERVAL '1.5 seconds' AS double precision), CAST(INTERVAL '1 second' AS numeric(12, 2)), CAST(CAST(NULL AS interval) AS integer)
---
(7200000000, -1, 1500000.0, Decimal('1000000.00'), None)

[differs: sqlite3 has no INTERVAL; its Django has microseconds]> SELECT CAST(1500000 AS interval), CAST(year AS interval), CAST(rating AS interval) FROM book WHERE id = 1
---
(datetime.timedelta(seconds=1, microseconds=500000), datetime.timedelta(microseconds=1815), datetime.timedelta(microseconds=4))

[differs: sqlite3 has no INTERVAL]> SELECT CAST(TIMESTAMP '2024-01-01 01:00' - TIMESTAMP '2024-01-01' AS integer) / 1000000 / 60
---
(60,)

[differs: sqlite3 has no INTERVAL]> SELECT CAST(9223372036854775807 AS interval)
---
(datetime.timedelta(days=106751991, seconds=14454, microseconds=775807),)

[differs: sqlite3 has no INTERVAL]> SELECT CAST(INTERVAL '999999999 days' AS bigint)
---
DataError: 86399999913600000000 is out of range for type bigint (-9223372036854775808 to 9223372036854775807)
