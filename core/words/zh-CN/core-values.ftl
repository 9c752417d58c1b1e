# Sentences of values, kept in English and told again on the page.

value-empty = { $lower }为空。
value-longer-than-characters = { $lower }超过 { $limits } 个字符。
value-contains-characters-cannot-sent = { $lower }包含无法发送的字符。
value-there-no-image-start-from = 没有起始图像。
value-missing = 缺少{ $title }。
value-backend-has-no-setting-called = 此后端没有名为“{ $name }”的设置。
value-write-few-words-first = 请先写几个词。
value-type-again-instead-pasting = 请手动输入，不要粘贴。
value-add-image-first = 请先添加图像。
value-fill-in = 请填写。
value-one-of = { $title }必须是以下之一：{ $choices }。
value-multiple = { $title }必须是 { $low } 到 { $high } 之间 { $step } 的倍数。
value-whole = { $title }必须是 { $low } 到 { $high } 之间的整数。
value-range = { $title }必须在 { $low } 到 { $high } 之间。
value-yes-no = { $title }必须是 yes 或 no。
value-text = { $title }必须是文本。
value-number = { $title }必须是数字。
value-offers = 它支持：{ $names }。
