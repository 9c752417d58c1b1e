# Sentences of history, kept in English and told again on the page.

history-thumbnail-image-damaged-so-nothing = 这张图像的缩略图已损坏，无法与其他图像比较。
history-choose-another-image = 请选择其他图像。
history-you-have-links-are-open = 您已有 { $most } 个打开的链接。
history-revoke-some-them-try-again = 请撤销其中一些后再试。
history-left-out-of-backup = 制作此备份时它正在等待，因此未包含在内。
history-make-again-after-backup = 如果原来的安装没有生成它，请重新生成。
