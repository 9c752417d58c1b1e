# What is said about collections, tags, notes and the trash.

no-such-collection = 没有这个收藏集。
look-at-collections = 请查看收藏集列表。
collection-untitled = 收藏集需要一个标题。
type-title = 请输入标题。
collection-title-taken = 已经有同名的收藏集。
choose-other-title = 请换一个标题。
tag-unnamed = 标签需要一个名称。
type-tag = 请输入一两个词。
tag-too-long = 此标签超过 { $most } 个字符。
note-too-long = 备注超过 { $most } 个字符。
no-image-of-id = 历史记录中没有图像“{ $id }”。
nothing-changed = 未作任何更改。
ids-no-list = ids 必须是文本列表。
take-ids = 请从 `history` 中获取。
ids-too-many = 这里有 { $count } 个 id；一次调用最多 { $most } 个。
send-several-calls = 请分多次调用发送。
shorten-it = 请缩短。
