# What the server says before the page is asked.

server-request-holds-text-without-end = 此请求包含没有结尾的文本。
server-request-too-large-at-most = 此请求过大：最多接受 { $most } MB。请缩小图像后再试。
server-request-not-json-in-utf = 此请求不是 UTF-8 编码的 JSON。
server-request-holds-number-or-word = 此请求包含没有结尾的数字或单词。
server-request-goes-more-than-levels = 此请求嵌套超过 { $deepest } 层。
server-request-has-far-too-many = 此请求的部分过多。
server-address-too-long = 此地址太长。
server-request-took-too-long-arrive = 此请求到达用时过长。
server-too-much-sent-here-at = 同时发送的内容过多。请稍后再试。
server-sign-in-first = 请先登录。
server-there-no-such-image = 没有这张图像。
server-there-no-such-archive = 没有这个压缩包。
server-not-offered = 此处不提供该内容。
server-foreign = 此页面属于其他网站。
