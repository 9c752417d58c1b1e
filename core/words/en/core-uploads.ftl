# Sentences of uploads, kept in English and told again on the page.

uploads-add-png-jpeg-webp-or = Add a PNG, JPEG, WebP or AVIF image.
uploads-upload-image-instead-assistant-may = Upload the image instead; an assistant may send it as a data URI.
uploads-image-no-longer-there = This image is no longer there.
uploads-addresses-images-are-not-fetched = Addresses of images are not fetched here.
uploads-image-takes-too-long-decode = This image takes too long to decode.
uploads-save-as-plain-png-or = Save it as a plain PNG or JPEG, or make it smaller.
