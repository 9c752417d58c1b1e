# 搜索、筛选与日期被拒绝的原因。

too-many-words = 一次搜索最多 { $most } 个词。
fewer-words = 请减少词数；几个少见的词就够了。
moment-unreadable = “{ $given }”不是日期。
moment-form = 请写成 2026-01-31 或 2026-01-31T18:30:00Z。
filter-untitled = 筛选条件需要一个名称。
filter-name-long = 名称超过 { $most } 个字符。
filters-too-many = 已保存了 { $most } 个筛选条件。
filter-delete-one = 请先删除其中一个。
no-such-filter = 没有这个筛选条件。
look-at-filters = 请查看已保存筛选条件的列表。
