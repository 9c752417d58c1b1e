# The form of the two tabs that make images, and what is asked before they do.

generate = 生成
generate-label = { $count ->
    [1] 生成 · { $price }
   *[other] 生成 { $count } 张图像 · { $price }
}
generate-label-lent = { $count ->
    [1] 生成 · 需要您 { $seconds } 秒的 GPU 时间
   *[other] 生成 { $count } 张图像 · 需要您 { $seconds } 秒的 GPU 时间
}
generate-each = 每张约 { $duration }
prompt-example = 日落时分青绿色海面上的一艘白船，远处是雪山
prompt-ideas = 灵感
prompt-history = 历史
prompt-styles = 风格
prompt-chips = 它熟悉的提示词
prompt-examples = 示例提示词
prompt-earlier = 用过的提示词
prompt-complete = 在提示词框中输入时给出建议
prompt-search = 搜索
prompt-none = 您生成时用过的提示词会列在这里。
style-about = 加在提示词前后的文字，保存在此浏览器中。
style-none = 还没有风格：请在下面命名一个。
style-named = 风格名称
style-name = 名称
style-before = 提示词之前
style-after = 提示词之后
style-open = 打开 styles.csv
styles-added = { $count ->
   *[other] 添加了 { $count } 个风格。
}
styles-negative = { $count ->
   *[other] { $count } 个风格带有反向提示词；这里的后端都不读取，已略去。
}
styles-more-lines = { $count ->
   *[other] 另有 { $count } 行不是风格。
}
style-keep = 保存风格

form-backend = 后端
form-images = 张数
form-fewer = 减少张数
form-more = 增加张数
form-size = 尺寸
form-custom = 自定义
form-keep-ratio = 锁定比例
form-swap = 交换
form-random = 随机
form-new-seed = 新种子
form-reuse = 沿用上次
form-advanced = 高级
form-variation = 变化
form-counted = 运行 { $steps } 步中的 { $run } 步。

source-image = 源图像
source-size = { $width } × { $height }。
source-kept-size = 结果将保持此尺寸。
source-result = 结果将为 { $width } × { $height }。
source-small = { $backend } 适用于每边至少 { $least } 像素的图像；这张较小。
source-gone = 起始图像未保存在此处；请重新添加。

stage-empty = 您的图像将显示在这里。

link-unknown-task = 链接指定了任务“{ $name }”；此处可用的有：{ $known }。
link-unknown-backend = 链接指定了后端“{ $name }”；此处可用的有：{ $known }。
link-filled = 已按链接填好表单，尚未开始生成。
link-filled-in-part = 已尽可能按链接填好表单。{ $wrong }

restore-title = 使用这些设置？
restore-ours = 由本 Playground 写入。
restore-theirs = 由 { $program } 写入。
restore-dropped = 此处未使用
restore-not-legal = 此后端不接受该值
restore-no-setting = 此处没有该设置
restore-filled = 已填入：{ $names }。
restore-filled-nothing = 没有填入任何内容。
restore-no-settings = 此文件中没有找到生成设置。
other-backend = { $backend } 不接受图像：请查看下面的后端及其价格。

file-title = 这张图像用来做什么？
file-source = 用作源图像
file-read = 读取其设置

no-such-backend = 此标签页没有这个后端。
choose-backend = 请从菜单中选择一个。

not-asked = 这将花费 { $price }，而页面尚未向您确认。没有发送任何内容。
click-again = 请再次点击；页面会先询问。
asked-count = 张数
asked-price = 价格
asked-left = 今日剩余预算
ask-title = { $count ->
    [1] 生成这张图像？
   *[other] 生成 { $count } 张图像？
}
ask-text = { $backend } 按生成的每张图像收费。
ask-text-unknown = { $backend } 的价格未在此设置；以其实际收费为准。
ask-yes = { $count ->
    [1] 生成
   *[other] 生成 { $count } 张图像
}
ask-yes-price = { $count ->
    [1] 生成 · { $price }
   *[other] 生成 { $count } 张图像 · { $price }
}

code-title = 将此表单写成程序
code-seed = 表单要求新的种子；已为这些程序抽取 { $seed }。
code-source = 将源图像以 { $file } 为名保存在程序旁边
form-collection = 收藏集（可选）
form-collection-about = 新图像会放入其中。输入标题可新建；留空则不放入。
