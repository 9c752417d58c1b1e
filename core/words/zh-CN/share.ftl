# Links by which others look at an image or a set.

share-made-by-model = 由 AI 模型生成。
share-about-set = 共 { $count } 张图像的一组。
share-facts = 种子 { $seed } · { $width }×{ $height } · { $model }
share-gone-unknown = 此链接无效：链接不完整，或从未存在。
share-gone-off = 此处未开启图像分享链接。
share-gone-revoked = 此链接已被创建者撤销。
share-gone-deleted = 此链接所展示的内容已被删除。
share-link = 分享链接
share-link-about = 拥有此链接的人可以看到这张图像及其提示词和设置，直到您撤销为止。历史记录中列出您的所有链接。
share-link-about-set = 拥有此链接的人可以看到这一组图像及其提示词和设置，包括之后添加的图像，直到您撤销为止。历史记录中列出您的所有链接。
share-open-set = 有 { $count } 个链接展示这一组图像。
share-open = 有 { $count } 个链接展示这张图像。
share-revoke = 撤销
share-settings = 复制设置链接
