# The Spending tab.

spending-title = 费用
spending-nothing = 没有产生费用。沙盒是免费的。
spending-chart = 每日金额（美元）；最高的一天为 { $most }
spending-today = 今日（UTC）
spending-days = 最近 { $days } 天
spending-reserved = 进行中
spending-maybe = 可能已收费
spending-unpriced = 价格未知
spending-budget = 每日预算
spending-own-budget = 您的每日预算
spending-left-at = { $backend } 余额
spending-left = { $backend }：余额 { $balance }。
spending-by-backend = 按后端，最近 { $days } 天
spending-by-owner = 按用户，最近 { $days } 天
spending-backend = 后端
spending-owner = 用户
spending-images = 图像
spending-spent = 已花费
spending-maybe-short = 可能
spending-this-machine = 本机
