# Sentences of uploads, kept in English and told again on the page.

uploads-add-png-jpeg-webp-or = 请添加 PNG、JPEG、WebP 或 AVIF 图像。
uploads-upload-image-instead-assistant-may = 请改为上传图像；助手可以用 data URI 发送。
uploads-image-no-longer-there = 此图像已不存在。
uploads-addresses-images-are-not-fetched = 此处不会获取图像地址。
uploads-image-takes-too-long-decode = 此图像解码用时过长。
uploads-save-as-plain-png-or = 请保存为普通的 PNG 或 JPEG，或将其缩小。
